import { createHmac } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import type { EventId, RoomId } from '../../src/ids.ts';
import { OPERATIONS, type OperationName } from '../../src/operations/operations.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { askForApproval, bodyOf, LAST, pathOf, report, reportBobAndRoom } from '../support/every-route.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { readRecordedState, verifyRecordedKeys } from '../support/recorded-peer.ts';
import { changesOf } from '../support/recordings.ts';

/** Number of connections that a job may use. The pool of these tests has one more. */
const CONNECTIONS = 2;
const CALLS = 50;
/**
 * Number of dry runs at once. It is more than the number of connections, because each dry run does all of its work and holds a
 * connection.
 */
const DRY_CALLS = 6;
const SHOWN = server.rooms.v10 as RoomId;
const REMOTE_ROOM = server.rooms.remote;
const DELETED = server.rooms.v4 as RoomId;
const DOOMED = [server.rooms.v5, server.rooms.v6, server.rooms.v7, server.rooms.v8, server.rooms.v9];

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;

const NAMES = Object.keys(OPERATIONS) as OperationName[];
const ORDERED = NAMES.toSorted((a, b) => LAST.indexOf(a) - LAST.indexOf(b));
const hasDryRun = (name: OperationName): boolean => {
  const { input } = OPERATIONS[name];
  return input instanceof z.ZodObject && 'dryRun' in input.shape;
};

const BULK = '/_dendrite/admin/bulk';
const PLAN = { operation: 'setUserSuspended', user_ids: [USERS.bob.user_id], dry_run: true };
/** Query strings of the routes that need one. */
const QUERIES: Partial<Record<OperationName, string>> = {
  checkRegistrationToken: '?token=token',
  findEventByTime: '?ts=1',
  countSentInvites: '?from_ts=0',
  countJoinedRooms: '?from_ts=0',
  checkUsernameAvailable: '?username=free',
  searchUsers: '?term=bob',
  deleteOldMedia: '?before_ts=2000000000000',
  purgeMediaCache: '?before_ts=2000000000000',
};
/** Expected statuses other than 200. `createDevice` creates something. The other operations always fail on this homeserver. */
const STATUSES: Partial<Record<OperationName, number>> = {
  createDevice: 201,
  renewAccount: 400,
  getHistoryPurge: 404,
  rebuildSummaries: 202,
  findUserByExternalId: 404,
  getUserRedaction: 404,
  readUserExport: 404,
  allowCrossSigningReplacement: 404,
};

/** The proposal has no dry runs, so its routes refuse them. */
const PROPOSED_ROUTES = '/_matrix/client/unstable/uk.timedout.msc4390/';

const hasRoute = (name: OperationName): boolean => ROUTES.some(({ operation }) => operation === name);

let database: TestDatabase;
let plugin: MountedPlugin;
let eventId: EventId;
/** Values of path parameters other than rooms and events. */
let named: Readonly<Record<string, string>>;
let bulkToken: string;
let reports: { readonly user: string; readonly room: string };
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true, poolSize: CONNECTIONS + 1 });
  const recorded = await readRecordedState(database.db, REMOTE_ROOM);
  plugin = await mountPlugin({
    database,
    options: {
      ...ALL_ROUTES,
      accounts: { ...ALL_ROUTES.accounts, allowLoginAs: true },
      rooms: { purgeAbandoned: { afterMs: 86_400_000 }, retention: {} },
      limits: { connections: CONNECTIONS, federationRequestMs: 1_000 },
    },
    host: {
      federation: {
        wake: () => {},
        queryDevices: async () => ({ streamId: 1, devices: [] }),
        lookupState: async () => recorded,
        verifyKeys: verifyRecordedKeys,
      },
      media: { remove: async () => {}, sizeOf: async () => 1 },
    },
  });
  ({ event_id: eventId } = await database.db('syncapi_output_room_events').where({ room_id: SHOWN }).first('event_id'));
  await report(plugin, SHOWN, eventId);
  reports = await reportBobAndRoom(plugin, SHOWN);
  const { operations } = plugin.admin;
  await operations.createRegistrationToken({ token: 'token' }, CALLER);
  const { jobId } = await operations.reindexFulltext.start({}, CALLER);
  const deletion = await operations.deleteRoom.start({ roomId: DELETED }, CALLER);
  await operations.blockRoom({ roomId: SHOWN }, CALLER);
  await Promise.all([jobId, deletion.jobId].map((id) => plugin.admin.jobs.wait(id)));
  const plan = await plugin.asAdmin(BULK, { method: 'POST', body: JSON.stringify(PLAN) });
  bulkToken = String(jsonOf(plan).token);
  await database
    .db('userapi_threepids')
    .insert({ threepid: 'bob@example.org', medium: 'email', localpart: 'bob', server_name: SERVER_NAME });
  const { device_id: deviceId } = USERS.bob;
  await addMedia(database.db, [SERVER_NAME, server.remote_server_name]);
  const approvalId = await askForApproval(plugin, SHOWN);
  named = {
    approvalId,
    medium: 'email',
    address: 'bob@example.org',
    jobId,
    deleteId: deletion.jobId,
    token: 'token',
    deviceId,
    serverName: server.remote_server_name,
    destination: server.remote_server_name,
    origin: SERVER_NAME,
    mediaId: 'media',
  };
});
afterAll(async () => {
  await plugin.close();
  await database.drop();
});

/** Adds a media of the same id for each server. */
async function addMedia(db: Knex, origins: readonly string[]): Promise<void> {
  const media = { media_id: 'media', content_type: 'text/plain', file_size_bytes: 1, creation_ts: 1, upload_name: '' };
  await db('mediaapi_media_repository').insert(
    origins.map((origin) => ({ ...media, media_origin: origin, base64hash: `hash-${origin.length}`, user_id: '' })),
  );
}

/** Returns the room for a call of a route. */
function roomOf({ operation }: Route): string {
  if (operation === 'downloadState') return REMOTE_ROOM;
  if (operation === 'listRoomDeletions' || operation === 'getRoomDeletionStatus') return DELETED;
  // The shown room is blocked, so nobody can join it.
  if (operation === 'joinRoom') return DOOMED[0] ?? SHOWN;
  return DOOMED[LAST.indexOf(operation)] ?? SHOWN;
}

/** Returns the user for a call of a route. Erin is invited to a room of another server, which needs more queries. */
function userOf({ operation }: Route): string {
  if (operation === 'refreshDevices') return `@zoe:${server.remote_server_name}`;
  return LAST.includes(operation) ? USERS.erin.user_id : USERS.bob.user_id;
}

/** Returns the report for a call of a route. */
function reportOf({ path }: Route): string {
  if (path.includes('/user_reports/')) return reports.user;
  return path.includes('/room_reports/') ? reports.room : '1';
}

/** Returns the input for a call of a route. */
async function inputOf({ operation, path }: Route, n: number): Promise<object> {
  if (operation === 'registerBySharedSecret') return register(n);
  if (operation === 'createDevice') return { device_id: `DEVICE${n}` };
  if (operation === 'planBulk') return PLAN;
  if (operation === 'runBulk') return { token: bulkToken };
  if (operation === 'redactUserEvents') return { rooms: [] };
  if (operation === 'purgeHistory') return { purge_up_to_ts: 1 };
  if (operation === 'renewAccount') return { user_id: USERS.bob.user_id };
  if (operation === 'sendServerNotices') return { user_ids: [USERS.bob.user_id] };
  if (/^set\w+ReportStatus$/.test(operation)) return { status: 'resolved' };
  return path.endsWith('/delete_devices') ? { devices: [USERS.bob.device_id] } : {};
}

async function register(n: number): Promise<object> {
  const { nonce } = jsonOf(await plugin.request('/_synapse/admin/v1/register'));
  const [username, password] = [`new${n}`, 'long-enough'];
  const mac = createHmac('sha1', 'shared').update([nonce, username, password, 'notadmin'].join('\0')).digest('hex');
  return { nonce, username, password, admin: false, mac };
}

/** Calls all routes of an operation that accept this input. The calls run at the same time, and use the routes alternately. */
function callAtOnce(name: OperationName, more: object = {}): Promise<Answer[]> {
  const isDry = 'dry_run' in more;
  const calls = isDry ? DRY_CALLS : CALLS;
  const routes = ROUTES.filter(
    ({ operation, method, path }) =>
      operation === name && !(isDry && (method === 'GET' || path.startsWith(PROPOSED_ROUTES))),
  );
  return Promise.all(
    Array.from({ length: calls }, async (_, n) => {
      const route = routes[n % routes.length];
      if (route === undefined) throw new Error(`there is no route of ${name}`);
      const path = pathOf(route, roomOf(route), eventId, {
        ...named,
        userId: userOf(route),
        reportId: reportOf(route),
        ...(route.path.includes('/bulk/') && { token: bulkToken }),
      });
      const body = bodyOf(route, { ...(await inputOf(route, n)), ...more });
      return plugin.asAdmin(path + (QUERIES[name] ?? ''), { method: route.method, ...body, limitMs: 25_000 });
    }),
  );
}

const statusesOf = (answers: readonly Answer[]): number[] =>
  [...new Set(answers.map(({ status }) => status))].sort((a, b) => a - b);

describe('fifty concurrent calls need only a small pool:', () => {
  it.each(NAMES.filter(hasDryRun))('%s as a dry run, which changes nothing', async (name) => {
    const changes = await changesOf(database.db, async () => {
      const answers = await callAtOnce(name, { dry_run: true });
      expect(statusesOf(answers)).toEqual([200]);
      expect([...new Set(answers.map(({ text }) => text))]).toEqual([expect.stringContaining('"dry_run":true')]);
    });
    expect(changes).toEqual({});
  });

  it.each(ORDERED.filter(hasRoute))('%s', async (name) => {
    const answers = await callAtOnce(name);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    // The other calls have found that the work was done, or used a route that needs another input.
    expect(statusesOf(answers)[0]).toBe(STATUSES[name] ?? 200);
  });

  it('reportEvent, which users call through a route of the homeserver', async () => {
    await Promise.all(Array.from({ length: CALLS }, () => report(plugin, SHOWN, eventId)));
    const { total } = jsonOf(await plugin.asAdmin('/_synapse/admin/v1/event_reports'));
    expect(total).toBeGreaterThanOrEqual(CALLS);
  });
});
