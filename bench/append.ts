/**
 * Measures the time to send one message to a room with MEMBERS members, including the commit. The default of MEMBERS is
 * 100,000. Baseline: a message to a room with 100 members. Both are measured alternately.
 */
import type { Knex } from 'knex';
import type { RoomId } from '../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/index.ts';
import { withBenchDatabase } from './bench-database.ts';
import { median, report, rounded } from './report.ts';
import { makeRoom, SERVER_NAME, SIGNING_KEY, userNamed } from './room-data.ts';

const MEMBERS = Number(process.env.MEMBERS ?? 100_000);
const FEW = 100;
const TURNS = 40;

async function timeMessage(db: Knex, admin: AdminPlugin, roomId: RoomId, sender: string): Promise<number> {
  const draft = { type: 'm.room.message', sender: userNamed(sender), content: { msgtype: 'm.text', body: 'hello' } };
  const startedAt = performance.now();
  await db.transaction((transaction) => admin.rooms.append(transaction, roomId, [draft]));
  return performance.now() - startedAt;
}

report(
  'append',
  await withBenchDatabase(0, async ({ db }) => {
    const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] });
    await admin.start();
    const small = await makeRoom(db, admin.rooms, 'few', FEW);
    const large = await makeRoom(db, admin.rooms, 'many', MEMBERS);
    await db.raw('VACUUM (ANALYZE)');
    const first = await timeMessage(db, admin, large, 'many');
    console.log(`the first message in ${MEMBERS} members: ${Math.round(first)} ms`);
    const times = { small: [] as number[], large: [] as number[] };
    for (let turn = 0; turn < TURNS; turn++) {
      times.small.push(await timeMessage(db, admin, small, 'few'));
      times.large.push(await timeMessage(db, admin, large, 'many'));
    }
    await admin.stop();
    const [few, many] = [median(times.small), median(times.large)];
    console.log(`a message in ${FEW} members: ${rounded(few)} ms, in ${MEMBERS}: ${rounded(many)} ms`);
    return [
      {
        name: `append-${MEMBERS}`,
        value: rounded(many),
        unit: 'ms',
        baseline: rounded(few),
        ratio: rounded(few / many),
      },
    ];
  }),
);
