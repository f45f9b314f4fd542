import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deny } from '../../../src/index.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const ROOMS = server.rooms;
const PATH = '/_dendrite/admin/abandonedRooms';
const DAY_MS = 24 * 3_600_000;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const ABANDONED = [ROOMS.v6, ROOMS.v9, ROOMS.v10];

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
const mount = (): Promise<MountedPlugin> =>
  mountPlugin({
    database,
    options: {
      jobs: { pollIntervalMs: 50 },
      rooms: { purgeAbandoned: { afterMs: 30 * DAY_MS, keep: [ROOMS.v9] } },
    },
  });
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  plugin = await mount();
});
afterAll(async () => {
  await plugin.close();
  await database.drop();
});

const listed = async (): Promise<Record<string, unknown>[]> =>
  jsonOf(await plugin.asAdmin(`${PATH}?limit=1000`)).rooms as Record<string, unknown>[];
const run = async (body: object = {}): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(`${PATH}/purge`, { method: 'POST', body: JSON.stringify(body) });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return jsonOf(answer);
};
const daily = (): PromiseLike<Record<string, unknown>[]> =>
  db('matrix_admin.jobs').where({ kind: 'purgeAbandonedRooms' });

it('one job looks for abandoned rooms each day, however many processes there are', async () => {
  await expect.poll(daily).toMatchObject([{ state: 'succeeded', created_by: 'system:purgeAbandonedRooms' }]);
  const second = await mount();
  await second.close();
  expect(await daily()).toHaveLength(1);
});

it('rooms are listed after their last local user has left, and are kept until the configured time has passed', async () => {
  for (const roomId of ABANDONED)
    await plugin.admin.operations.evacuateRoom({ roomId, invites: true, knocks: true }, SYSTEM);
  const before = await listed();
  expect(before.filter(({ room_id: id }) => ABANDONED.includes(String(id))).map(({ since_ts: at }) => at)).toEqual([
    null,
    null,
    null,
  ]);
  expect(await run()).toMatchObject({ announced: ABANDONED.length, purged: [] });
  for (const roomId of ABANDONED) {
    const room = (await listed()).find(({ room_id: id }) => id === roomId);
    const since = Number(room?.since_ts);
    expect(Math.abs(Date.now() - since)).toBeLessThan(60_000);
    expect(room?.purge_ts).toBe(roomId === ROOMS.v9 ? null : since + 30 * DAY_MS);
  }
});

it('rooms are purged after the configured time, except rooms in `keep`, rooms that a hook protects, and rooms with users again', async () => {
  await db('matrix_admin.abandoned_rooms').update({ since: new Date(Date.now() - 31 * DAY_MS) });
  const off = plugin.admin.hooks.before('purgeRoom', { name: 'legal hold' }, ({ input }) =>
    input.roomId === ROOMS.v6 ? deny('M_FORBIDDEN', 'legal hold') : undefined,
  );
  const due = (await run({ dry_run: true })).purged as string[];
  expect(due).toEqual(expect.arrayContaining([ROOMS.v6, ROOMS.v10]));
  expect(due).not.toContain(ROOMS.v9);
  const { purged, failed } = await run();
  off();
  expect(purged).toContain(ROOMS.v10);
  expect(failed).toEqual([{ id: ROOMS.v6, reason: 'legal hold' }]);
  expect((await listed()).map(({ room_id: id }) => id)).toEqual(expect.arrayContaining([ROOMS.v6, ROOMS.v9]));
  expect(await db('roomserver_rooms').where({ room_id: ROOMS.v10 })).toEqual([]);
  expect(await brokenInvariants(db)).toEqual([]);
});

it('a run that another process resumes purges the same rooms, and reports all of them', async () => {
  for (const roomId of [ROOMS.v7, ROOMS.v8])
    await plugin.admin.operations.evacuateRoom({ roomId, invites: true, knocks: true }, SYSTEM);
  await plugin.admin.operations.purgeAbandonedRooms({}, SYSTEM);
  await db('matrix_admin.abandoned_rooms').update({ since: new Date(Date.now() - 31 * DAY_MS) });
  const due = (await run({ dry_run: true })).purged as string[];
  expect(due.length).toBeGreaterThan(1);
  let reached = (): void => {};
  let release = (): void => {};
  const isReached = new Promise<void>((resolve) => void (reached = resolve));
  const isReleased = new Promise<void>((resolve) => void (release = resolve));
  plugin.admin.hooks.before('purgeRoom', { name: 'slow' }, async ({ input }) => {
    if (input.roomId !== due[1]) return undefined;
    reached();
    await isReleased;
    return undefined;
  });
  const { jobId } = await plugin.admin.operations.purgeAbandonedRooms.start({}, SYSTEM);
  await isReached;
  const closing = plugin.close();
  release();
  await closing;
  plugin = await mount();
  expect(await plugin.admin.jobs.wait(jobId)).toMatchObject({ state: 'succeeded', result: { purged: due } });
});

it('a purge of an empty room refuses a room with local users', async () => {
  const path = `/_dendrite/admin/purgeRoom/${encodeURIComponent(ROOMS.v11)}`;
  const answer = await plugin.asAdmin(path, { method: 'POST', body: '{"only_if_empty":true}' });
  expect([answer.status, jsonOf(answer).errcode]).toEqual([409, 'M_BAD_STATE']);
});
