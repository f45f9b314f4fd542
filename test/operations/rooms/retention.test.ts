import { rm } from 'node:fs/promises';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import { deny } from '../../../src/index.ts';
import { createMediaDirectory } from '../../../src/reference-host/media/media-directory.ts';
import type { RoomEventDraft } from '../../../src/rooms/event-chain.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { ALICE, append, createRoom, messageOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../../support/scratch-directory.ts';

const DAY_MS = 24 * 3_600_000;

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
let base: string;
beforeAll(async () => {
  base = await makeScratchDirectory('retention-');
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  // The events of the recorded rooms are old, so the history of all these rooms would expire. Without forward extremities, the
  // retention job skips a room.
  await db('public.roomserver_rooms').update({ latest_event_nids: [] });
  plugin = await mountPlugin({
    database,
    host: { media: createMediaDirectory(base) },
    options: {
      jobs: { pollIntervalMs: 50 },
      rooms: { retention: { defaultLifetimeMs: 30 * DAY_MS, minLifetimeMs: 2 * DAY_MS, maxLifetimeMs: 60 * DAY_MS } },
    },
  });
});
afterAll(async () => {
  await plugin.close();
  await database.drop();
  await rm(base, { recursive: true });
});

const run = async (body: object = {}): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin('/_dendrite/admin/retention/purge', {
    method: 'POST',
    body: JSON.stringify(body),
  });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return jsonOf(answer);
};
/** Makes a room with a retention policy, and with one message for each of the given ages. Ages are in days. */
async function roomWith(
  lifetimeDays: number | undefined,
  agesInDays: readonly number[],
  draftOf = (age: number): RoomEventDraft => messageOf(ALICE, `of day ${age}`),
): Promise<RoomId> {
  const content = lifetimeDays === undefined ? {} : { max_lifetime: lifetimeDays * DAY_MS };
  const roomId = await createRoom(plugin, {
    drafts: [{ type: 'm.room.retention', sender: ALICE, stateKey: '', content }, ...agesInDays.map(draftOf)],
  });
  await append(plugin, roomId, messageOf(ALICE, 'of today'));
  const rows = await db('public.syncapi_output_room_events').where({ room_id: roomId }).orderBy('id');
  for (const [i, row] of rows.slice(0, -1).entries()) {
    const age = agesInDays[i - (rows.length - 1 - agesInDays.length)] ?? agesInDays[0] ?? 0;
    const event = { ...JSON.parse(row.headered_event_json), origin_server_ts: Date.now() - age * DAY_MS };
    await db('public.syncapi_output_room_events')
      .where({ id: row.id })
      .update({ headered_event_json: JSON.stringify(event) });
  }
  return roomId;
}
const messagesIn = async (roomId: RoomId): Promise<string[]> => {
  const rows = await db('public.syncapi_output_room_events')
    .where({ room_id: roomId, type: 'm.room.message' })
    .orderBy('id');
  return rows.map((row) => JSON.parse(row.headered_event_json).content.body);
};

it('expired history is purged: by the policy of the room within limits, or else by the policy of the server', async () => {
  const AGES = [90, 45, 20, 3, 1];
  const byServer = await roomWith(undefined, AGES);
  const byRoom = await roomWith(10, AGES);
  const tooShort = await roomWith(1, AGES);
  const tooLong = await roomWith(365, AGES);
  const held = await roomWith(10, AGES);
  const fresh = await roomWith(10, [3, 1]);
  const off = plugin.admin.hooks.before('purgeHistory', { name: 'legal hold' }, ({ input }) =>
    input.roomId === held ? deny('M_FORBIDDEN', 'legal hold') : undefined,
  );
  const due = [byServer, byRoom, tooShort, tooLong];
  const tried = await run({ dry_run: true });
  expect(new Set(tried.rooms as string[])).toEqual(new Set([...due, held]));
  const { total, rooms, failures, failed } = await run();
  off();
  expect(total).toBe(due.length);
  expect(new Set(rooms as string[])).toEqual(new Set(due));
  expect(failures).toBe(1);
  expect(failed).toEqual([{ id: held, reason: 'legal hold' }]);
  const bodies = (...days: number[]): string[] => [...days.map((day) => `of day ${day}`), 'of today'];
  expect(await messagesIn(byServer)).toEqual(bodies(20, 3, 1));
  expect(await messagesIn(byRoom)).toEqual(bodies(3, 1));
  expect(await messagesIn(tooShort)).toEqual(bodies(1));
  expect(await messagesIn(tooLong)).toEqual(bodies(45, 20, 3, 1));
  expect(await messagesIn(held)).toEqual(bodies(...AGES));
  expect(await messagesIn(fresh)).toEqual(bodies(3, 1));
  // Only the room whose purge the hook has refused has expired history now.
  expect(await run({ dry_run: true })).toMatchObject({ total: 1, rooms: [held] });
});

it('media that only expired events use are deleted if the caller asks for it', async () => {
  const rowOf = (mediaId: string) => ({
    media_id: mediaId,
    media_origin: SERVER_NAME,
    content_type: 'text/plain',
    file_size_bytes: 1,
    creation_ts: 1,
    upload_name: '',
    base64hash: mediaId.padEnd(43, '0'),
    user_id: ALICE,
  });
  await db('public.mediaapi_media_repository').insert([rowOf('expired'), rowOf('fresh')]);
  const roomId = await roomWith(10, [45, 3], (age) => ({
    ...messageOf(ALICE),
    content: { msgtype: 'm.file', body: 'a file', url: `mxc://${SERVER_NAME}/${age === 3 ? 'fresh' : 'expired'}` },
  }));
  const stored = (): Promise<string[]> =>
    db('public.mediaapi_media_repository').whereIn('media_id', ['expired', 'fresh']).pluck('media_id');
  expect(await run({ media: 'unused', dry_run: true })).toMatchObject({ failures: 0 });
  expect(await stored()).toHaveLength(2);
  expect((await run({ media: 'unused' })).rooms).toContain(roomId);
  expect(await stored()).toEqual(['fresh']);
});

it('history expires in a room with many old forward extremities, which no purge removes', async () => {
  const extremities = Array<number>(30).fill(90);
  const roomId = await roomWith(10, [...extremities, 45, 3, 1]);
  const nids = await db('public.roomserver_events AS e')
    .join('public.syncapi_output_room_events AS o', 'o.event_id', 'e.event_id')
    .where({ room_id: roomId })
    .orderBy('o.id')
    .pluck('e.event_nid');
  await db('public.roomserver_rooms')
    .where({ room_id: roomId })
    .update({ latest_event_nids: [...nids.slice(-34, -4), nids.at(-1)] });
  const bodies = (...days: number[]): string[] => [
    ...[...extremities, ...days].map((day) => `of day ${day}`),
    'of today',
  ];
  expect((await run()).rooms).toContain(roomId);
  expect(await messagesIn(roomId)).toEqual(bodies(3, 1));
  const row = await db('public.syncapi_output_room_events')
    .where({ room_id: roomId })
    .orderBy('id', 'desc')
    .offset(2)
    .first();
  const event = { ...JSON.parse(row.headered_event_json), origin_server_ts: Date.now() - 45 * DAY_MS };
  await db('public.syncapi_output_room_events')
    .where({ id: row.id })
    .update({ headered_event_json: JSON.stringify(event) });
  expect((await run()).rooms).toContain(roomId);
  expect(await messagesIn(roomId)).toEqual(bodies(1));
});

it('a job looks for expired history once a day', async () => {
  await expect
    .poll(() =>
      db('matrix_admin.jobs').where({ created_by: 'system:purgeExpiredHistory', kind: 'purgeExpiredHistory' }),
    )
    .toMatchObject([{ state: 'succeeded' }]);
});
