/**
 * Redacts 10,000 messages of one user in 200 rooms. In 20 of the rooms, no local user may redact. Baseline in the same run:
 * one transaction that adds the same rows to tables with the same indexes. It does not overwrite the redacted events.
 */
import type { Knex } from 'knex';
import type { RoomId } from '../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/index.ts';
import { withBenchDatabase } from './bench-database.ts';
import { type BenchResult, report, rounded } from './report.ts';
import { makeRoom, SERVER_NAME, SIGNING_KEY, userNamed } from './room-data.ts';
import { timeWrites } from './time-writes.ts';

const ROOMS = 200;
const MESSAGES = 50;
const CLOSED_ROOMS = 20;
const SPAMMER = userNamed('spammer');

/** Makes a room with the spammer's messages. */
async function makeSpammedRoom(db: Knex, admin: AdminPlugin, index: number): Promise<RoomId> {
  const owner = userNamed(`owner${index}`);
  const roomId = await makeRoom(db, admin.rooms, `owner${index}`, 0);
  // In a closed room, only the owner may redact, and leaves.
  const levels = { users: { [owner]: 100 }, events: { 'm.room.redaction': 100 } };
  const closing = [
    { type: 'm.room.power_levels', sender: owner, stateKey: '', content: levels },
    { type: 'm.room.member', sender: owner, stateKey: owner, content: { membership: 'leave' } },
  ];
  const join = { type: 'm.room.member', sender: SPAMMER, stateKey: SPAMMER, content: { membership: 'join' } };
  await db.transaction((transaction) =>
    admin.rooms.append(transaction, roomId, [
      join,
      ...Array.from({ length: MESSAGES }, (_, i) => ({
        type: 'm.room.message',
        sender: SPAMMER,
        content: { msgtype: 'm.text', body: `buy number ${i} of these in room ${index}` },
      })),
      ...(index < CLOSED_ROOMS ? closing : []),
    ]),
  );
  return roomId;
}

async function measure(db: Knex): Promise<BenchResult> {
  const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] });
  await admin.start();
  try {
    for (let index = 0; index < ROOMS; index += 1) await makeSpammedRoom(db, admin, index);
    await db.raw('VACUUM ANALYZE');
    const wanted = (ROOMS - CLOSED_ROOMS) * MESSAGES;
    const times = await timeWrites(db, async () => {
      const input = { userId: SPAMMER, rooms: [], types: ['m.room.message'] };
      const before = process.cpuUsage();
      const { redacted } = await admin.operations.redactUserEvents(input, { actor: { kind: 'system', name: 'bench' } });
      const { user, system } = process.cpuUsage(before);
      console.log(`CPU time of this process: ${Math.round((user + system) / 1_000)} ms`);
      if (redacted !== wanted) throw new Error(`${redacted} of ${wanted} messages were redacted`);
    });
    console.log(`${wanted} messages: ${Math.round(times.ours)} ms, pure SQL ${Math.round(times.baseline)} ms`);
    return {
      name: `redactUserEvents-${ROOMS * MESSAGES}`,
      value: rounded(times.ours / 1_000),
      unit: 's',
      baseline: rounded(times.baseline / 1_000),
      ratio: rounded(times.baseline / times.ours),
    };
  } finally {
    await admin.stop();
  }
}

report('redact', [await withBenchDatabase(0, ({ db }) => measure(db))]);
