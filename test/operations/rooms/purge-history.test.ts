import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventId, RoomId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { brokenStates } from '../../support/event-invariants.ts';
import { missingAuthEvents, restOf, timelineOf } from '../../support/history-checks.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { countFromEnvironment } from '../../support/long-version.ts';
import { ALICE, append, BOB, createRoom, forkRoom, memberOf, messageOf, viewOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants, hashOfNids } from '../../support/room-invariants.ts';
import { bodyOfCase, missingFields, pathOfCase, synapseRecording } from '../../support/synapse-recording.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
/** Number of places up to which the test purges. `POINTS=20` runs the long version. */
const POINTS = countFromEnvironment('POINTS', 4);

let plugin: MountedPlugin;
let db: MountedPlugin['database']['db'];
beforeAll(async () => {
  plugin = await mountPlugin({ options: { jobs: { pollIntervalMs: 50 } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const send = (roomId: string, body: object): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/purge_history/${encodeURIComponent(roomId)}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
const purge = (roomId: string, point: { eventId?: string; upToTs?: number; deleteLocalEvents?: boolean }) =>
  plugin.admin.operations.purgeHistory({ roomId, ...point }, SYSTEM);

const isWhole = async (): Promise<void> => expect(await brokenInvariants(db)).toEqual([]);

it('a purge up to random events of recorded rooms does not change the state, the members and the newest events', async () => {
  let seed = countFromEnvironment('POINT_SEED', 20_261_128);
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const roomIds = Object.values(server.rooms);
  for (let i = 0; i < POINTS; i += 1) {
    const roomId = roomIds[Math.floor(random() * roomIds.length)] ?? '';
    const before = await timelineOf(db, roomId);
    const point = before[Math.floor(random() * before.length)];
    if (point === undefined) continue;
    const rest = await restOf(db, roomId);
    const counted = jsonOf(await send(roomId, { purge_up_to_event_id: point.event_id, dry_run: true }));
    const { purged, local } = await purge(roomId, { eventId: point.event_id, deleteLocalEvents: random() < 0.5 });
    expect({ purged, local }).toEqual({ purged: counted.purged, local: counted.local });
    expect(await restOf(db, roomId)).toBe(rest);
    const after = (await timelineOf(db, roomId)).map(({ event_id: id }) => id);
    expect(after).toHaveLength(before.length - purged);
    expect(after).toEqual(expect.arrayContaining(before.slice(before.indexOf(point)).map(({ event_id: id }) => id)));
  }
  await isWhole();
  expect(await missingAuthEvents(db)).toEqual([]);
});

/** Makes a room in which state events and messages alternate. Returns the room's id and the ids of its 216 events, in order. */
async function makeBusyRoom(version = '10'): Promise<{ roomId: RoomId; eventIds: EventId[] }> {
  const roomId = await createRoom(plugin, { version, members: [BOB], joinRules: { join_rule: 'public' } });
  const drafts = Array.from({ length: 70 }, (_, i) => [
    { type: 'm.room.topic', sender: ALICE, stateKey: '', content: { topic: `topic ${i}` } },
    memberOf(BOB, i % 2 === 0 ? 'leave' : 'join'),
    messageOf(ALICE, `marmalade ${i}`),
  ]);
  await append(plugin, roomId, ...drafts.flat());
  return { roomId, eventIds: (await timelineOf(db, roomId)).map(({ event_id: id }) => id) };
}
const stored = async (eventIds: readonly string[]): Promise<number> =>
  (await db('roomserver_events').whereIn('event_id', [...eventIds])).length;

it('a purge that reaches the create event keeps the state of no event, which all rooms share', async () => {
  const { roomId, eventIds } = await makeBusyRoom();
  const [{ room_nid: roomNid } = { room_nid: 0 }] = await db('roomserver_rooms').where({ room_id: roomId });
  // Another program may store this state as one block without events, in a snapshot of the room that came first.
  const [block] = await db('roomserver_state_block')
    .insert({ state_block_hash: hashOfNids([]), event_nids: [] })
    .onConflict('state_block_hash')
    .merge(['event_nids'])
    .returning('state_block_nid');
  const blockNid = String(block.state_block_nid);
  const [snapshot] = await db('roomserver_state_snapshots')
    .insert({ room_nid: roomNid, state_snapshot_hash: hashOfNids([blockNid]), state_block_nids: [blockNid] })
    .returning('state_snapshot_nid');
  await db('roomserver_events').where({ event_type_nid: 1 }).update(snapshot);
  await purge(roomId, { eventId: eventIds.at(-1) ?? '' });
  expect(await db('roomserver_state_snapshots').where(snapshot)).toHaveLength(1);
  await isWhole();
});

it.each(['1', '12'])(
  'in version %s, old state is deleted, other servers accept later events, and the gap is recorded',
  async (version) => {
    const { roomId, eventIds } = await makeBusyRoom(version);
    const view = await viewOf(db, roomId);
    const rest = await restOf(db, roomId);
    const [previous = '', point = ''] = eventIds.slice(179);
    const snapshots = () => db('roomserver_state_snapshots').pluck('state_snapshot_nid');
    const before = await snapshots();
    await purge(roomId, { eventId: point, deleteLocalEvents: true });
    expect(await restOf(db, roomId)).toBe(rest);
    // Of the 120 state events, only those stay to which a state block or an auth chain still refers.
    expect(await stored(eventIds.slice(0, 180))).toBeLessThan(100);
    expect((await snapshots()).length).toBeLessThan(before.length - 100);
    expect(await db('syncapi_backward_extremities').where({ room_id: roomId })).toEqual([
      { room_id: roomId, event_id: point, prev_event_id: previous },
    ]);
    const { hits } = await plugin.admin.search.search({ term: 'marmalade', rooms: [roomId], limit: 100 });
    expect(hits).toHaveLength(12);
    await append(plugin, roomId, messageOf(ALICE), memberOf(BOB, 'leave'));
    expect(await view.receive()).toEqual([]);
    await isWhole();
    expect(await brokenStates(db)).toEqual([]);
    expect(await missingAuthEvents(db)).toEqual([]);
  },
);

it('local events stay stored unless they are deleted, and a later purge can still delete them', async () => {
  const { roomId, eventIds } = await makeBusyRoom();
  const point = eventIds[180] ?? '';
  const gone = eventIds.slice(0, 180);
  expect(await purge(roomId, { eventId: point })).toMatchObject({ purged: 180, local: 180 });
  expect(await stored(gone)).toBe(180);
  expect(await timelineOf(db, roomId)).toHaveLength(eventIds.length - 180);
  await isWhole();
  expect(await purge(roomId, { eventId: point, deleteLocalEvents: true })).toMatchObject({ purged: 0 });
  expect(await stored(gone)).toBeLessThan(100);
  await isWhole();
  const { purged } = await purge(roomId, { upToTs: Date.now() + 3_600_000, deleteLocalEvents: true });
  expect(purged).toBe(eventIds.length - 181);
  expect((await timelineOf(db, roomId)).map(({ event_id: id }) => id)).toEqual(eventIds.slice(-1));
  await isWhole();
});

it('a room with many forward extremities keeps all of them', async () => {
  const { roomId } = await makeBusyRoom();
  await forkRoom(plugin, roomId, ALICE, 3);
  const rest = await restOf(db, roomId);
  await purge(roomId, { upToTs: Date.now() + 3_600_000, deleteLocalEvents: true });
  expect(await restOf(db, roomId)).toBe(rest);
  expect(await timelineOf(db, roomId)).toHaveLength(3);
  expect(await db('syncapi_backward_extremities').where({ room_id: roomId })).toHaveLength(3);
  await isWhole();
  await append(plugin, roomId, messageOf(ALICE));
  await isWhole();
});

it('data of old events is deleted with them: relations, receipts, notifications, reports, redactions', async () => {
  const { roomId, eventIds } = await makeBusyRoom();
  const [old = '', fresh = ''] = [eventIds[8], eventIds.at(-1)];
  const relate = (key: string) => ({ 'm.relates_to': { rel_type: 'm.annotation', event_id: old, key } });
  await append(plugin, roomId, { type: 'm.reaction', sender: ALICE, content: relate('a') });
  const spam = (await append(plugin, roomId, messageOf(ALICE, 'redacted later'))).events[0]?.eventId;
  if (spam === undefined) throw new Error('no message');
  const point = (await append(plugin, roomId, messageOf(ALICE, 'the point'))).events[0]?.eventId ?? '';
  await append(plugin, roomId, { type: 'm.room.redaction', sender: ALICE, content: { redacts: spam }, redacts: spam });
  const alice = { localpart: 'alice', server_name: SERVER_NAME };
  const note = { ...alice, room_id: roomId, ts_ms: 1, stream_pos: 1, highlight: true, notification_json: '{}' };
  await db('userapi_notifications').insert([
    { ...note, event_id: old },
    { ...note, event_id: point },
  ]);
  await db('syncapi_notification_data').insert({
    user_id: ALICE,
    room_id: roomId,
    notification_count: 2,
    highlight_count: 2,
  });
  const receipt = { room_id: roomId, receipt_ts: 1 };
  await db('syncapi_receipts').insert([
    { ...receipt, receipt_type: 'm.read', user_id: ALICE, event_id: old },
    { ...receipt, receipt_type: 'm.read', user_id: BOB, event_id: point },
  ]);
  const reporter = { actor: { kind: 'user', userId: ALICE } } as const;
  for (const eventId of [old, point] as EventId[])
    await plugin.admin.operations.reportEvent({ reporter: ALICE, roomId, eventId, reason: 'spam' }, reporter);
  await purge(roomId, { eventId: point, deleteLocalEvents: true });
  const rowsOf = async (table: string): Promise<unknown[]> => db(table).where({ room_id: roomId });
  expect(await rowsOf('syncapi_relations')).toEqual([]);
  expect(await rowsOf('syncapi_receipts')).toMatchObject([{ user_id: BOB }]);
  expect(await rowsOf('userapi_notifications')).toMatchObject([{ event_id: point }]);
  expect(await rowsOf('syncapi_notification_data')).toMatchObject([{ notification_count: '1', highlight_count: '1' }]);
  const { room_nid: roomNid } = await db('roomserver_rooms').where({ room_id: roomId }).first();
  expect(await db('roomserver_reported_events').where({ room_nid: roomNid })).toHaveLength(1);
  // The redaction takes effect again if another server sends the message again.
  expect(await db('roomserver_redactions').where({ redacts_event_id: spam })).toMatchObject([{ validated: false }]);
  expect(await stored([spam, fresh])).toBe(0);
  await isWhole();
});

it('a dry run changes nothing', async () => {
  const { roomId } = await makeBusyRoom();
  const changes = await changesOf(db, async () => {
    const answer = await send(roomId, { purge_up_to_ts: Date.now() + 1_000, delete_local_events: true, dry_run: true });
    expect(jsonOf(answer)).toMatchObject({ dry_run: true, deleted: {} });
  });
  expect(changes).toEqual({});
});

/**
 * The expected statuses of cases in which the plugin differs from Synapse on purpose. `docs/differences-from-synapse.md` gives
 * the reasons.
 */
const OTHERWISE: Readonly<Record<string, number>> = {
  'event_id number': 400,
  'delete_local_events string': 400,
  'at once again for the same room': 200,
};

it('the answers are those of Synapse', async () => {
  const { roomId, eventIds } = await makeBusyRoom();
  const [other = ''] = (await makeBusyRoom()).eventIds;
  let purgeId = '';
  for (const recorded of synapseRecording('purge-history')) {
    const names = {
      room: roomId,
      first: eventIds[30] ?? '',
      second: eventIds[60] ?? '',
      purged: eventIds[3] ?? '',
      other,
      purge: purgeId,
    };
    const answer = await plugin.request(pathOfCase(recorded, names), {
      method: recorded.method,
      headers: recorded.token ? { Authorization: `Bearer ${USERS.admin.access_token}` } : {},
      ...bodyOfCase(recorded, names),
    });
    expect([recorded.case, answer.status]).toEqual([recorded.case, OTHERWISE[recorded.case] ?? recorded.status]);
    if (answer.status < 400) expect(missingFields(recorded.response, jsonOf(answer))).toEqual([]);
    if (recorded.method !== 'POST' || answer.status !== 200) continue;
    purgeId = String(jsonOf(answer).purge_id);
    await plugin.admin.jobs.wait(purgeId);
  }
  await isWhole();
});
