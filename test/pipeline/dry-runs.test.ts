import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { FederationError } from '../../src/errors.ts';
import type { RemoteDevices } from '../../src/host.ts';
import type { RoomId, UserId } from '../../src/ids.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { changesOf } from '../support/recordings.ts';
import { TEST_ACTOR } from '../support/search-plugin.ts';

const CALLER = { actor: TEST_ACTOR };
const ROOM = server.rooms.v10 as RoomId;
const ALICE = USERS.alice.user_id as UserId;
const ZOE = '@zoe:other.example' as UserId;

let database: TestDatabase;
let plugin: MountedPlugin;
let operations: AdminPlugin['operations'];
/** The calls that the host and its hooks have received. */
let heard: string[];
/** Makes the other server's answer. */
let queryDevices: () => Promise<RemoteDevices>;
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
});
afterAll(() => database.drop());
beforeEach(async () => {
  heard = [];
  queryDevices = async () => ({ streamId: 1, devices: [] });
  const hear = (what: string) => (): void => void heard.push(what);
  plugin = await mountPlugin({
    database,
    host: {
      notifier: { roomsChanged: hear('rooms'), usersChanged: hear('users') },
      federation: {
        wake: hear('wake'),
        queryDevices: () => {
          heard.push('asked');
          return queryDevices();
        },
      },
    },
  });
  ({ operations } = plugin.admin);
});
afterEach(() => plugin.close());

it('a dry run holds no transaction during a request to another server', async () => {
  const held: number[] = [];
  queryDevices = async () => {
    // The pool's own count includes connections that the job worker uses. So the test counts open transactions.
    const { rows } = await database.db.raw(
      `SELECT count(*)::int AS held FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    held.push(rows[0].held);
    return { streamId: 1, devices: [] };
  };
  const path = '/_dendrite/admin/refreshDevices/@zoe:other.example';
  expect((await plugin.asAdmin(path, { method: 'POST', body: '{"dry_run":true}' })).status).toBe(200);
  expect(held).toEqual([0]);
});

it.each<[string, () => Promise<unknown>, object]>([
  [
    'deleteDevices',
    () =>
      operations.deleteDevices({ userId: ALICE, devices: [USERS.alice.device_id, 'unknown'], dryRun: true }, CALLER),
    { deleted: [USERS.alice.device_id] },
  ],
  [
    'evacuateRoom',
    () => operations.evacuateRoom({ roomId: ROOM, dryRun: true }, CALLER),
    { affected: expect.any(Array) },
  ],
  [
    'evacuateUser',
    () => operations.evacuateUser({ userId: ALICE, dryRun: true }, CALLER),
    { affected: expect.any(Array) },
  ],
  ['purgeRoom', () => operations.purgeRoom({ roomId: ROOM, block: true, dryRun: true }, CALLER), {}],
  [
    'deleteRoom',
    () => operations.deleteRoom({ roomId: ROOM, block: true, dryRun: true }, CALLER),
    { newRoomId: null, kickedUsers: expect.any(Array) },
  ],
])(
  'a dry run of %s returns the expected result, changes nothing, and calls neither host nor hooks',
  async (name, call, result) => {
    for (const operation of ['deleteDevices', 'evacuateRoom', 'evacuateUser', 'purgeRoom', 'deleteRoom'] as const) {
      plugin.admin.hooks.after(operation, { name: 'hear' }, () => void heard.push(operation));
    }
    const changes = await changesOf(database.db, async () => {
      expect(await call()).toMatchObject({ ...result, dryRun: true });
    });
    expect(changes).toEqual({});
    expect(await database.db('matrix_admin.audit')).toEqual([]);
    expect(await database.db('matrix_admin.blocked_rooms')).toEqual([]);
    expect(heard).toEqual([]);
    expect(await plugin.metric('matrix_admin_operations_total', { operation: name, outcome: 'ok' })).toBe(1);
  },
);

it('after a dry run, the operation can run', async () => {
  const tried = await operations.evacuateUser({ userId: ALICE, dryRun: true }, CALLER);
  expect(tried.affected.length).toBeGreaterThan(1);
  const done = await operations.evacuateUser({ userId: ALICE }, CALLER);
  expect(done).toEqual({ affected: tried.affected });
});

it('a refused dry run sends no request to another server', async () => {
  const called = operations.refreshDevices({ userId: `@local:${SERVER_NAME}` as UserId, dryRun: true }, CALLER);
  await expect(called).rejects.toMatchObject({
    errcode: 'M_INVALID_PARAM',
    message: 'device lists of local users are not refreshed',
  });
  expect(heard).toEqual([]);
});

it('a dry run with an unavailable server is refused at once, and changes nothing', async () => {
  queryDevices = () => Promise.reject(new FederationError('unreachable', 'other.example is away'));
  const changes = await changesOf(database.db, async () => {
    const answer = await plugin.asAdmin(`/_dendrite/admin/refreshDevices/${ZOE}`, {
      method: 'POST',
      body: '{"dry_run":true}',
    });
    expect([answer.status, jsonOf(answer)]).toMatchObject([
      504,
      { errcode: 'M_UNKNOWN', error: 'other.example is away' },
    ]);
  });
  expect(changes).toEqual({});
  expect(heard).toEqual(['asked']);
});

it('an aborted dry run ends, and holds no connection', async () => {
  const gone = new AbortController();
  queryDevices = async () => {
    gone.abort(new Error('the caller has gone'));
    return { streamId: 1, devices: [] };
  };
  const called = operations.refreshDevices({ userId: ZOE, dryRun: true }, { ...CALLER, signal: gone.signal });
  await expect(called).rejects.toThrow('the caller has gone');
  await expect.poll(() => database.pluginDb.client.pool.numUsed()).toBe(0);
});
