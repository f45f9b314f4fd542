/**
 * Evacuates and purges rooms. The baselines are measured in the same run. For an evacuation, the baseline is one transaction
 * that writes the same rows into tables with the same indexes. For a purge, it is the SQL statements that delete another room
 * of the same size.
 */
import type { Knex } from 'knex';
import { Registry } from 'prom-client';
import type { RoomId } from '../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/index.ts';
import { withBenchDatabase } from './bench-database.ts';
import { type BenchResult, report, rounded } from './report.ts';
import { addMessages, makeRoom, SERVER_NAME, SIGNING_KEY, userNamed } from './room-data.ts';
import { timed, timeWrites } from './time-writes.ts';

const CALLER = { actor: { kind: 'system', name: 'bench' } } as const;

function result(
  name: string,
  items: number,
  unit: string,
  { ours, baseline }: { ours: number; baseline: number },
): BenchResult {
  const rate = (ms: number): number => Math.round((items / ms) * 1_000);
  console.log(`${name.padEnd(20)} ${Math.round(ours)} ms, pure SQL ${Math.round(baseline)} ms`);
  return { name, value: rate(ours), unit, baseline: rate(baseline), ratio: rounded(baseline / ours) };
}

async function evacuateRoom(db: Knex, admin: AdminPlugin, members: number): Promise<BenchResult> {
  const roomId = await makeRoom(db, admin.rooms, `creator${members}`, members - 1);
  const times = await timeWrites(db, async () => {
    const { affected } = await admin.operations.evacuateRoom({ roomId }, CALLER);
    if (affected.length !== members) throw new Error(`${affected.length} of ${members} have left`);
  });
  return result(`evacuateRoom-${members}`, members, 'members/s', times);
}

async function evacuateUser(db: Knex, admin: AdminPlugin, rooms: number): Promise<BenchResult> {
  for (let i = 0; i < rooms; i++) {
    const roomId = await makeRoom(db, admin.rooms, `owner${i}`, 0);
    const userId = userNamed('everywhere');
    const content = { membership: 'join' };
    const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content };
    await db.transaction((transaction) => admin.rooms.append(transaction, roomId, [draft]));
  }
  const times = await timeWrites(db, async () => {
    const { affected } = await admin.operations.evacuateUser({ userId: userNamed('everywhere') }, CALLER);
    if (affected.length !== rooms) throw new Error(`${affected.length} of ${rooms} rooms were left`);
  });
  return result(`evacuateUser-${rooms}`, rooms, 'rooms/s', times);
}

const PURGE = [
  'DELETE FROM roomserver_event_json USING roomserver_events e WHERE roomserver_event_json.event_nid = e.event_nid AND e.room_nid = :roomNid',
  'DELETE FROM roomserver_previous_events USING roomserver_events e WHERE previous_event_id = e.event_id AND e.room_nid = :roomNid',
  'DELETE FROM roomserver_events WHERE room_nid = :roomNid',
  'DELETE FROM roomserver_state_snapshots WHERE room_nid = :roomNid',
  'DELETE FROM roomserver_membership WHERE room_nid = :roomNid',
  'DELETE FROM roomserver_rooms WHERE room_nid = :roomNid',
  'DELETE FROM syncapi_output_room_events WHERE room_id = :roomId',
  'DELETE FROM syncapi_output_room_events_topology WHERE room_id = :roomId',
  'DELETE FROM syncapi_current_room_state WHERE room_id = :roomId',
  'DELETE FROM syncapi_memberships WHERE room_id = :roomId',
  'DELETE FROM federationsender_joined_hosts WHERE room_id = :roomId',
];

async function purgeBySql(db: Knex, roomId: RoomId): Promise<void> {
  const { room_nid: roomNid } = await db('roomserver_rooms').where('room_id', roomId).first();
  await db.transaction(async (transaction) => {
    for (const statement of PURGE) await transaction.raw(statement, { roomId, roomNid });
  });
}

async function purgeRoom(db: Knex, admin: AdminPlugin, events: number): Promise<BenchResult> {
  const [ours, other] = [
    await makeRoom(db, admin.rooms, `purged${events}`, 10),
    await makeRoom(db, admin.rooms, `deleted${events}`, 10),
  ];
  for (const roomId of [ours, other]) await addMessages(db, roomId, events);
  await db.raw('VACUUM ANALYZE');
  const baseline = await timed(() => purgeBySql(db, other));
  const time = await timed(() => admin.operations.purgeRoom({ roomId: ours }, CALLER));
  const { maxRSS } = process.resourceUsage();
  console.log(`peak of this process: ${Math.round(maxRSS / 1_024)} MB`);
  return result(`purgeRoom-${events}`, events, 'events/s', { ours: time, baseline });
}

/**
 * Purges a room with many members. The baseline is the duration of the same purge without storing the departures of the
 * members.
 */
async function purgeMembers(db: Knex, admin: AdminPlugin, members: number): Promise<BenchResult> {
  const roomId = await makeRoom(db, admin.rooms, `departed${members}`, members - 1);
  await db.raw('VACUUM ANALYZE');
  let began = 0;
  let departures = 0;
  const onQuery = ({ sql }: { sql: string }): void => {
    if (sql.includes('INTO matrix_admin.departures')) began = performance.now();
  };
  const onResponse = (_rows: unknown, { sql }: { sql: string }): void => {
    if (sql.includes('INTO matrix_admin.departures')) departures = performance.now() - began;
  };
  db.on('query', onQuery).on('query-response', onResponse);
  const ours = await timed(() => admin.operations.purgeRoom({ roomId }, CALLER));
  db.off('query', onQuery).off('query-response', onResponse);
  const baseline = ours - departures;
  console.log(`purgeMembers-${members}  ${Math.round(ours)} ms, of which departures ${Math.round(departures)} ms`);
  return {
    name: `purgeMembers-${members}`,
    value: rounded(ours),
    unit: 'ms',
    baseline: rounded(baseline),
    ratio: rounded(baseline / ours),
  };
}

async function measure(db: Knex): Promise<BenchResult[]> {
  const host = { serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY], metrics: { registry: new Registry() } };
  const admin = createAdminPlugin(host);
  await admin.start();
  try {
    return [
      await evacuateRoom(db, admin, 1_000),
      await evacuateRoom(db, admin, 10_000),
      await evacuateUser(db, admin, 1_000),
      await purgeMembers(db, admin, 10_000),
      await purgeRoom(db, admin, 100_000),
      await purgeRoom(db, admin, 1_000_000),
    ];
  } finally {
    await admin.stop();
  }
}

report('rooms', await withBenchDatabase(0, ({ db }) => measure(db)));
