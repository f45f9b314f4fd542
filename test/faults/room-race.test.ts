import knex from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MatrixError } from '../../src/errors.ts';
import { isUserId, type RoomId, type UserId } from '../../src/ids.ts';
import type { RoomEventDraft } from '../../src/rooms/event-chain.ts';
import type { LogLine } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAccount, SERVER_NAME } from '../support/dendrite-server.ts';
import { brokenStates } from '../support/event-invariants.ts';
import { countFromEnvironment, tellOfLongVersion } from '../support/long-version.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { brokenInvariants } from '../support/room-invariants.ts';

/** Number of rounds. `ROUNDS=200` runs the long version. */
const ROUNDS = countFromEnvironment('ROUNDS', 4);
/** Time limit for an answer, in ms. A call waits 50 s for its job, and on a busy machine a round may take much of that time. */
const ANSWER_MS = 60_000;
const MEMBERS = ['one', 'two', 'three', 'four'];

let database: TestDatabase;
/** Two plugins on one database. For the database, they are two processes of one homeserver. */
let processes: readonly MountedPlugin[];
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  const otherDb = knex({
    client: 'pg',
    connection: database.pluginDb.client.config.connection,
    pool: { min: 0, max: 10 },
  });
  processes = await Promise.all([
    mountPlugin({ database }),
    mountPlugin({ database: { ...database, db: otherDb, pluginDb: otherDb } }),
  ]);
  for (const localpart of MEMBERS) await addAccount(database.db, { localpart, accountType: 1 });
});
afterAll(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await processes[1]?.database.db.destroy();
  await database.drop();
});

function local(localpart: string): UserId {
  const userId = `@${localpart}:${SERVER_NAME}`;
  if (!isUserId(userId)) throw new Error(`not a user id: ${userId}`);
  return userId;
}

const member = (localpart: string, membership: string): RoomEventDraft => ({
  type: 'm.room.member',
  sender: local(localpart),
  stateKey: local(localpart),
  content: { membership },
});

async function newRoom({ admin }: MountedPlugin, version: string): Promise<RoomId> {
  const creator = local('one');
  const rules: RoomEventDraft = {
    type: 'm.room.join_rules',
    sender: creator,
    stateKey: '',
    content: { join_rule: 'public' },
  };
  const drafts = [member('one', 'join'), rules, ...MEMBERS.slice(1).map((localpart) => member(localpart, 'join'))];
  const { roomId, refused } = await database.db.transaction((transaction) =>
    admin.rooms.create(transaction, { version, creator, content: {}, drafts }),
  );
  expect(refused).toEqual([]);
  return roomId;
}

const forked = (): Promise<RoomId[]> =>
  database.db('roomserver_rooms').whereRaw('cardinality(latest_event_nids) > 1').orderBy('room_nid').pluck('room_id');

/**
 * Returns the number of deadlocks that PostgreSQL has resolved. The plugin retries these transactions, so nothing else shows
 * the deadlocks.
 */
async function deadlocks(): Promise<number> {
  const { rows } = await database.db.raw(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return rows[0].deadlocks;
}

/**
 * Sends a message as a homeserver does for its clients. A message that is refused, or a room that was purged, is not a failure
 * of the test.
 */
async function send({ admin, database: { db } }: MountedPlugin, roomId: RoomId, i: number): Promise<number> {
  const localpart = MEMBERS[i % MEMBERS.length] ?? 'one';
  const text = { type: 'm.room.message', sender: local(localpart), content: { msgtype: 'm.text', body: `${i}` } };
  const drafts = i % 3 === 0 ? [member(localpart, 'join'), text] : [text];
  try {
    await db.transaction((transaction) => admin.rooms.append(transaction, roomId, drafts));
    return 200;
  } catch (error) {
    if (error instanceof MatrixError) return error.status;
    throw error;
  }
}

/** Counts how often each value occurs. */
function tally(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

it(
  `two processes write, evacuate and purge the same rooms at once, without forks, deadlocks or failures`,
  async () => {
    const statuses: number[] = [];
    const before = await forked();
    let slowestMs = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const startedAt = Date.now();
      const [first, second] = processes;
      if (first === undefined || second === undefined) throw new Error('no processes');
      const roomId = await newRoom(first, round % 2 === 0 ? '10' : '12');
      const other = await newRoom(second, '11');
      const call = async (process: MountedPlugin, path: string, body: object = {}): Promise<number> =>
        (await process.asAdmin(path, { method: 'POST', body: JSON.stringify(body), limitMs: ANSWER_MS })).status;
      const of = (id: string): string => encodeURIComponent(id);
      const work = processes.flatMap((process, p) => [
        ...Array.from({ length: 12 }, (_, i) => send(process, i % 4 === 3 ? other : roomId, i + p)),
        call(process, `/_dendrite/admin/evacuateRoom/${of(roomId)}`),
        call(process, `/_dendrite/admin/evacuateUser/${of(local(MEMBERS[p + 1] ?? 'two'))}`),
        call(process, `/_dendrite/admin/evacuateRoom/${of(other)}`, { dry_run: true }),
        ...(round % 4 >= 2 ? [call(process, `/_dendrite/admin/purgeRoom/${of(roomId)}`)] : []),
        ...Array.from({ length: 12 }, (_, i) => send(process, i % 4 === 3 ? other : roomId, i + p)),
      ]);
      statuses.push(...(await Promise.all(work)));
      slowestMs = Math.max(slowestMs, Date.now() - startedAt);
    }
    const lines = processes.flatMap(({ logger }) => logger.lines);
    const atLevel = (level: string): LogLine[] => lines.filter((line) => line.level === level);
    const answers = tally(statuses);
    const warnings = tally(atLevel('warn').map(({ message, fields }) => `${message}: ${String(fields['error'])}`));
    tellOfLongVersion('ROUNDS', { answers, deadlocks: await deadlocks(), warnings, slowestMs });
    // All other statuses would be wrong. 404, for example, is the answer if the room was purged before the request.
    expect(statuses.filter((status) => ![200, 400, 403, 404, 409].includes(status))).toEqual([]);
    expect(answers['200']).toBeGreaterThan(ROUNDS * 20);
    expect(await forked()).toEqual(before);
    expect([...(await brokenInvariants(database.db)), ...(await brokenStates(database.db))]).toEqual([]);
    expect(await deadlocks()).toBe(0);
    expect(atLevel('error')).toEqual([]);
  },
  60_000 + ROUNDS * 20_000,
);
