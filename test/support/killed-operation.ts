import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { expect } from 'vitest';
import type { ServerName } from '../../src/ids.ts';
import { isFinished, type JobData, type JobState } from '../../src/jobs/job.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { loadSigningKey } from '../../src/reference-host/signing-key.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { killProcess, type OperationCall, PLUGIN_PROGRAM, startProcess } from './killable-process.ts';
import { countFromEnvironment, tellOfLongVersion } from './long-version.ts';
import { brokenInvariants } from './room-invariants.ts';
import { makeScratchDirectory } from './scratch-directory.ts';

export const SERVER_NAME = 'localhost' as ServerName;
const LEASE_MS = 600;
/** Maximum time that a job may take after the last kill, in ms. */
const END_MS = 60_000;
/** Number of kills that happen while the operation is running. `KILLS=50` runs the long version. */
const KILLS = countFromEnvironment('KILLS', 1);
const SEED = countFromEnvironment('KILL_SEED', 20_260_103);
/**
 * Maximum number of kills that come before the operation begins or after it ends, for each kill that comes while it is running.
 */
const MISSES = 3;
/** After one of this many kills, beginning with the first, the test also kills the process that takes over the job. */
const TWICE_EVERY = 3;

/** Time limit for all kills of one operation, in ms. */
export const KILLS_TIMEOUT_MS = 120_000 + KILLS * 45_000;

/** Checks that the tables of all rooms fit together. */
export const expectWholeRooms = async (db: Knex): Promise<void> => expect(await brokenInvariants(db)).toEqual([]);

/** Lists the users who have joined rooms. `where` chooses rows of the rooms' current state. */
export const joinedUsers = async (db: Knex, where: object): Promise<string[]> =>
  db('syncapi_current_room_state')
    .where({ type: 'm.room.member', membership: 'join', ...where })
    .pluck('state_key');

/** An operation that is killed, with checks of what it has done. */
export interface KilledOperation {
  readonly call: OperationCall;
  /** Prepares the files of a new copy, in the folder of media that the processes use. @defaultValue there are no files */
  readonly prepareMedia?: (mediaStore: string) => Promise<void>;
  /** Checks the database after a process has died during the job. */
  readonly underWay: (db: Knex) => Promise<void>;
  /** Checks the database and the job's result at the end of the job. */
  readonly ended: (db: Knex, result: JobData, mediaStore: string) => Promise<void>;
}

interface StoredJob {
  readonly state: JobState;
  readonly attempts: number;
  readonly phase: string | null;
  readonly done: string;
  readonly error: string | null;
  readonly result: JobData | null;
}

/**
 * Kills a process during an operation, repeatedly and at random moments. Each time, it uses a new copy of the same database.
 * Afterwards, either the operation has not begun and nothing has changed, or the next process completes the operation.
 * @param fill fills the database, and returns the operation to kill
 */
export async function killAtRandomMoments(
  fill: (db: Knex, admin: AdminPlugin) => Promise<KilledOperation>,
): Promise<void> {
  const directory = await makeScratchDirectory('kill-');
  const original = await createTestDatabase();
  try {
    const signingKeys = [await loadSigningKey(join(directory, 'key.pem'), SERVER_NAME)];
    const admin = createAdminPlugin({ serverName: SERVER_NAME, db: original.db, signingKeys }, { serverNotices: {} });
    const operation = await fill(original.db, admin);
    await admin.stop();
    const untouched = await digestOf(original.db);
    await original.db.destroy();
    await killAll({ original, directory, operation, untouched });
  } finally {
    await original.drop();
    await rm(directory, { recursive: true });
  }
}

interface Kills {
  readonly original: TestDatabase;
  readonly directory: string;
  readonly operation: KilledOperation;
  readonly untouched: string;
}

async function killAll(kills: Kills): Promise<void> {
  const { call } = kills.operation;
  let seed = SEED;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let lastsMs = await onCopy(kills, (round) => round.timeToEnd());
  const hit: Record<string, number> = {};
  const found = { before: 0, during: 0, after: 0 };
  let twice = 0;
  for (let tries = 0; found.during < KILLS; tries += 1) {
    expect(tries, `jobs of ${call.name} that were not hit: ${JSON.stringify(found)}`).toBeLessThan(MISSES * KILLS + 10);
    await onCopy(kills, async (round) => {
      const moment = random() * lastsMs;
      const job = await round.killAfter(moment);
      const when = job === undefined ? 'before' : isFinished(job) ? 'after' : 'during';
      found[when] += 1;
      // The machine was busier when the duration was measured, so the real duration is shorter.
      if (when === 'after') lastsMs = (lastsMs + moment) / 2;
      if (when === 'before') return expect(await digestOf(round.db)).toBe(kills.untouched);
      if (when === 'during') {
        const phase = `${job?.phase ?? 'not begun'}${job?.done === '0' ? '' : ', part of it done'}`;
        hit[phase] = (hit[phase] ?? 0) + 1;
        await kills.operation.underWay(round.db);
        if (found.during % TWICE_EVERY === 1) twice += (await round.killNextAfter((random() * lastsMs) / 2)) ? 1 : 0;
      }
      await round.end();
    });
  }
  tellOfLongVersion('KILLS', { operation: call.name, lastsMs: Math.round(lastsMs), ...found, twice, hit });
}

/** One copy of the database, and what the test does with it. */
interface Round {
  readonly db: Knex;
  /** Measures how long the operation takes without kills, in ms. */
  readonly timeToEnd: () => Promise<number>;
  /** Starts the operation, and kills its process after `ms`. @returns the job that is left */
  readonly killAfter: (ms: number) => Promise<StoredJob | undefined>;
  /** Starts a process that resumes the job, and kills it after `ms`. @returns whether the job was still running */
  readonly killNextAfter: (ms: number) => Promise<boolean>;
  /** Starts a process that completes the job, and checks the result. */
  readonly end: () => Promise<void>;
}

async function onCopy<T>({ original, directory, operation }: Kills, work: (round: Round) => Promise<T>): Promise<T> {
  const mediaStore = join(directory, 'media');
  await operation.prepareMedia?.(mediaStore);
  const copy = await createTestDatabase({ copyOf: original, poolSize: 1 });
  const { db } = copy;
  const children: ChildProcess[] = [];
  const start = async (call?: OperationCall): Promise<ChildProcess> => {
    const settings = { databaseUrl: copy.connectionString, directory, leaseMs: LEASE_MS, ...(call && { call }) };
    const child = await startProcess(PLUGIN_PROGRAM, settings);
    children.push(child);
    return child;
  };
  const jobOf = (): PromiseLike<StoredJob | undefined> => db('matrix_admin.jobs').first();
  const kill = async (child: ChildProcess): Promise<StoredJob | undefined> => {
    await killProcess(child);
    // SQL statements that the dead process has sent may still be running. The next process must be able to handle this.
    const job = await jobOf();
    while (job === undefined && (await hasOtherConnections(db))) await delay(5);
    return job ?? jobOf();
  };
  const untilEnded = async (): Promise<void> => {
    const giveUpAt = Date.now() + END_MS;
    for (let job = await jobOf(); job === undefined || !isFinished(job); job = await jobOf()) {
      if (Date.now() > giveUpAt) throw new Error(`the job has not ended in ${END_MS} ms: ${JSON.stringify(job)}`);
      await delay(10);
    }
  };
  try {
    return await work({
      db,
      timeToEnd: async () => {
        await start(operation.call);
        const startedAt = performance.now();
        await untilEnded();
        return performance.now() - startedAt;
      },
      killAfter: async (ms) => {
        const child = await start(operation.call);
        await delay(ms);
        return kill(child);
      },
      killNextAfter: async (ms) => {
        const before = await jobOf();
        const child = await start();
        while ((await jobOf())?.attempts === before?.attempts) await delay(5);
        await delay(ms);
        const job = await kill(child);
        return job !== undefined && !isFinished(job);
      },
      end: async () => {
        const found = await jobOf();
        if (found === undefined || !isFinished(found)) await start();
        await untilEnded();
        const job = await jobOf();
        expect(job).toMatchObject({ state: 'succeeded' });
        await operation.ended(db, job?.result ?? {}, mediaStore);
        expect(await brokenInvariants(db)).toEqual([]);
      },
    });
  } finally {
    await Promise.all(children.map(killProcess));
    await copy.drop();
  }
}

async function hasOtherConnections(db: Knex): Promise<boolean> {
  const { rows } = await db.raw(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'`,
  );
  return rows.length > 0;
}

/** Computes a digest of all rows in the homeserver's tables. */
async function digestOf(db: Knex): Promise<string> {
  const tables: string[] = await db('pg_tables').where('schemaname', 'public').orderBy('tablename').pluck('tablename');
  const digest = createHash('sha256');
  for (const table of tables) {
    const { rows } = await db.raw(
      `SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) AS rows FROM public.?? t`,
      [table],
    );
    digest.update(`${table} ${rows[0].rows}\n`);
  }
  return digest.digest('hex');
}
