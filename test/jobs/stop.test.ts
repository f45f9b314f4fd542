import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { describe, it } from 'vitest';
import type { FederationSender, Host, MediaStore, RemoteState } from '../../src/host.ts';
import { JOB_OPERATIONS } from '../../src/operations/operations.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ALL_ROUTES, mountPlugin } from '../support/mounted-plugin.ts';
import { readRecordedState, verifyRecordedKeys } from '../support/recorded-peer.ts';
import { brokenInvariants } from '../support/room-invariants.ts';
import { REMOTE_ROOM, SLOWED_JOBS, type SlowedJob } from '../support/slowed-jobs.ts';

/** A running job renews its lease four times in this time. */
const LEASE_MS = 1_200;
const POLL_MS = 50;
/** How long a test watches that nothing happens after `stop()`. Polling and the renewal of a lease have shorter intervals. */
const QUIET_MS = 400;
/** How long a test watches that `stop()` waits for a statement that does not end. */
const WAITING_MS = 100;
const DAY_MS = 24 * 3_600_000;

/** Creates another server and a store of media. They answer a request only after `answer()` was called. */
function createPeer(state: RemoteState): {
  readonly federation: FederationSender;
  readonly media: MediaStore;
  asked: boolean;
  readonly answer: () => void;
} {
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const asked = async (): Promise<void> => {
    peer.asked = true;
    await answered;
  };
  const federation: FederationSender = {
    wake: () => {},
    verifyKeys: verifyRecordedKeys,
    lookupState: async () => {
      await asked();
      return state;
    },
    queryDevices: async () => {
      await asked();
      return { streamId: 1, devices: [] };
    },
    makeLeave: async () => {
      await asked();
      return { event: {}, roomVersion: '10' };
    },
    sendLeave: async () => {},
  };
  const media: MediaStore = {
    sizeOf: async () => {
      await asked();
      return 1;
    },
    remove: async () => {},
  };
  const peer = { federation, media, asked: false, answer };
  return peer;
}

/** The key of the advisory lock that the slowed statements wait for. */
const GATE = 4_711;

/** Makes each write that the trigger names wait until nobody holds the lock `GATE`. */
async function slowDown(db: Knex, { table, on }: NonNullable<SlowedJob['trigger']>): Promise<void> {
  await db.raw(
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${GATE}); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$`,
  );
  await db.raw(`CREATE TRIGGER slow BEFORE ${on} ON ${table} FOR EACH ROW EXECUTE FUNCTION slow()`);
}

/** Creates a connection that observes the database without the plugin's pool, and that can hold the lock `GATE`. */
function observe({ connectionString }: TestDatabase): {
  readonly closeGate: () => Promise<unknown>;
  readonly openGate: () => Promise<unknown>;
  readonly isSlowed: () => Promise<boolean>;
  readonly active: () => Promise<unknown[]>;
  readonly close: () => Promise<void>;
} {
  const db = knex({ client: 'pg', connection: connectionString, pool: { min: 1, max: 1 } });
  const rows = async (sql: string): Promise<unknown[]> => (await db.raw(sql)).rows;
  const others = `datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  const locks = `SELECT l.classid, l.objid, l.mode FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()`;
  return {
    closeGate: () => rows(`SELECT pg_advisory_lock(${GATE})`),
    openGate: () => rows(`SELECT pg_advisory_unlock(${GATE})`),
    isSlowed: async () => (await rows(`${locks} AND l.objid = ${GATE} AND NOT l.granted`)).length > 0,
    active: async () => [
      ...(await rows(`SELECT state, query FROM pg_stat_activity WHERE ${others} AND state <> 'idle'`)),
      ...(await rows(locks)),
    ],
    close: () => db.destroy(),
  };
}

describe('stop() in the middle of a job', () => {
  // The tests mostly wait, and each has a database of its own.
  it.concurrent.for(SLOWED_JOBS)(
    '$kind, slowed down by $by, ends all of it here',
    async ({ trigger, prepare, rooms, start, endsHere = false }, { expect, onTestFinished }) => {
      const database = await createTestDatabase({ fixture: true });
      onTestFinished(() => database.drop());
      const { db } = database;
      await prepare?.(db);
      const { closeGate, openGate, isSlowed, active, close } = observe(database);
      onTestFinished(close);
      const peer = createPeer(await readRecordedState(db, REMOTE_ROOM));
      let calls = 0;
      const count = (): void => void (calls += 1);
      const host: Partial<Host> = {
        federation: peer.federation,
        media: peer.media,
        notifier: { roomsChanged: count, usersChanged: count },
      };
      const options = {
        ...ALL_ROUTES,
        rooms: rooms ?? { purgeAbandoned: { afterMs: DAY_MS } },
        limits: { federationRequestMs: 2_000 },
        jobs: { leaseMs: LEASE_MS, pollIntervalMs: POLL_MS },
      };
      const first = await mountPlugin({ database, host, options });
      if (trigger !== undefined) {
        await slowDown(db, trigger);
        await closeGate();
      }
      const { jobId } = await start(first.admin);
      await expect.poll(() => (trigger === undefined ? peer.asked : isSlowed()), { interval: 10 }).toBe(true);

      const stopped = first.admin.stop();
      if (trigger !== undefined) {
        // `stop()` waits for the transaction that the job is in.
        expect(await Promise.race([stopped.then(() => 'stopped'), delay(WAITING_MS, 'waiting')])).toBe('waiting');
        await openGate();
      }
      await stopped;
      expect(await active()).toEqual([]);
      expect(database.pluginDb.client.pool.numUsed()).toBe(0);
      database.pluginDb.on('query', count);
      calls = 0;
      // The request was aborted, so nobody uses its answer any more.
      peer.answer();
      await delay(QUIET_MS);
      expect(calls).toBe(0);
      database.pluginDb.off('query', count);
      const job = await db('matrix_admin.jobs').where({ id: jobId }).first('state', 'failures', 'error');
      expect(job).toEqual({ state: endsHere ? 'succeeded' : 'queued', failures: 0, error: null });
      await first.close();

      if (trigger !== undefined) await db.raw('DROP FUNCTION slow CASCADE');
      const second = await mountPlugin({ database, host, options });
      onTestFinished(() => second.close());
      expect(await second.admin.jobs.wait(jobId)).toMatchObject({ state: 'succeeded', attempts: endsHere ? 1 : 2 });
      expect(await brokenInvariants(db)).toEqual([]);
    },
  );

  it('is tested with every kind of job', ({ expect }) => {
    expect(new Set(SLOWED_JOBS.flatMap(({ kind, alsoFor = [] }) => [kind, ...alsoFor]))).toEqual(
      new Set(JOB_OPERATIONS),
    );
  });
});
