import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeRoom, userNamed } from '../../bench/room-data.ts';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { loadSigningKey } from '../../src/reference-host/signing-key.ts';
import { migrateOwnSchema } from '../../src/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAccount } from '../support/dendrite-server.ts';
import { killProcess, PLUGIN_PROGRAM, startProcess } from '../support/killable-process.ts';
import { brokenInvariants } from '../support/room-invariants.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const SERVER_NAME = 'localhost' as ServerName;
const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
const MEMBERS = 1_400;
const ROOMS = 110;
const PEOPLE = 70;
const LEASE_MS = 600;
const LONGEST_LIFE_MS = 500;
/** `KILLS=50` for the long version. */
const KILLS = Number(process.env['KILLS'] ?? 3);
const SEED = Number(process.env['KILL_SEED'] ?? 20_260_103);

let directory: string;
let database: TestDatabase;
let db: Knex;
/** Starts jobs and waits for them; leads none, since it is never started. */
let admin: AdminPlugin;
let child: ChildProcess | undefined;
let seed = SEED;
const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

beforeAll(async () => {
  directory = await makeScratchDirectory('kill-evacuations-');
  database = await createTestDatabase();
  ({ db } = database);
  await migrateOwnSchema(db);
  // Each step takes long enough for processes to be killed in it, and before and after its commit.
  await db.raw(`CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END'`);
  await db.raw(`CREATE TRIGGER linger AFTER UPDATE OF checkpoint ON matrix_admin.jobs FOR EACH ROW
    WHEN (old.checkpoint IS DISTINCT FROM new.checkpoint) EXECUTE FUNCTION linger()`);
  const signingKeys = [await loadSigningKey(join(directory, 'key.pem'), SERVER_NAME)];
  admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys }, { serverNotices: {} });
});
afterAll(async () => {
  if (child) await killProcess(child);
  await admin.stop();
  await database.drop();
  await rm(directory, { recursive: true });
});

interface StoredJob {
  readonly attempts: number;
  readonly state: string;
}
const jobOf = (kind: string): PromiseLike<StoredJob> => db('matrix_admin.jobs').where({ kind }).first();
const isUnderWay = ({ state }: StoredJob): boolean => state === 'queued' || state === 'running';

/** Kills process after process while the job is under way, and lets the last one end it. */
async function whileKilled<T>(ended: Promise<T>, kind: string): Promise<T> {
  while ((await jobOf(kind)) === undefined) await delay(10);
  const settings = { databaseUrl: database.connectionString, directory, leaseMs: LEASE_MS };
  for (let killed = 0; killed < KILLS; killed += 1) {
    child = await startProcess(PLUGIN_PROGRAM, settings);
    while (isUnderWay(await jobOf(kind)) && (await jobOf(kind)).attempts === killed) await delay(10);
    await delay(random() * LONGEST_LIFE_MS);
    await killProcess(child);
    expect(await brokenInvariants(db)).toEqual([]);
    await delay(LEASE_MS);
  }
  child = await startProcess(PLUGIN_PROGRAM, settings);
  const result = await ended;
  await killProcess(child);
  expect((await jobOf(kind)).attempts).toBeGreaterThan(1);
  expect(await brokenInvariants(db)).toEqual([]);
  return result;
}

const membersOf = async (where: object): Promise<string[]> =>
  db('syncapi_current_room_state')
    .where({ type: 'm.room.member', membership: 'join', ...where })
    .pluck('state_key');

const TIMEOUT = 30_000 + KILLS * 4_000;

it(
  'kill -9 at any moment of an evacuated room leaves nobody in it twice or for good',
  async () => {
    const roomId = await makeRoom(db, admin.rooms, 'creator', MEMBERS - 1);
    const { affected } = await whileKilled(admin.operations.evacuateRoom({ roomId }, CALLER), 'evacuateRoom');
    expect(new Set(affected).size).toBe(MEMBERS);
    expect(await membersOf({ room_id: roomId })).toEqual([]);
    const leaves = await db('syncapi_output_room_events').where({ room_id: roomId, type: 'm.room.member' });
    expect(leaves).toHaveLength(2 * MEMBERS);
  },
  TIMEOUT,
);

it(
  'kill -9 at any moment of an evacuated user leaves no room out',
  async () => {
    const userId = userNamed('everywhere');
    const joining = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } };
    const rooms: RoomId[] = [];
    for (let i = 0; i < ROOMS; i += 1) {
      const roomId = await makeRoom(db, admin.rooms, `owner${i}`, 0);
      await db.transaction((transaction) => admin.rooms.append(transaction, roomId, [joining]));
      rooms.push(roomId);
    }
    const { affected } = await whileKilled(admin.operations.evacuateUser({ userId }, CALLER), 'evacuateUser');
    expect([...affected].sort()).toEqual([...rooms].sort());
    expect(await membersOf({ state_key: userId })).toEqual([]);
  },
  TIMEOUT,
);

it(
  'kill -9 at any moment of a notice to all brings it to everybody once',
  async () => {
    const people: UserId[] = [];
    for (let i = 0; i < PEOPLE; i += 1) {
      await addAccount(db, { localpart: `person${i}`, serverName: SERVER_NAME, accountType: 1 });
      people.push(userNamed(`person${i}`));
    }
    const content = { msgtype: 'm.text', body: 'to all' };
    const { sent } = await whileKilled(admin.operations.sendServerNotices({ content }, CALLER), 'sendServerNotices');
    expect(sent).toBe(PEOPLE);
    const notices = await db('syncapi_output_room_events').where('headered_event_json', 'like', '%to all%');
    expect(notices).toHaveLength(PEOPLE);
    const tagged: string[] = await db('userapi_account_datas').where({ type: 'm.tag' }).pluck('localpart');
    expect([...tagged].sort()).toEqual(people.map((userId) => userId.slice(1, userId.indexOf(':'))).sort());
  },
  TIMEOUT,
);
