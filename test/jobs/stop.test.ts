import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FederationSender, Host, RemoteState } from '../../src/host.ts';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import { JOB_OPERATIONS } from '../../src/operations/operations.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAccount, USERS } from '../support/dendrite-server.ts';
import { ALL_ROUTES, mountPlugin } from '../support/mounted-plugin.ts';
import { readRecordedState, verifyRecordedKeys } from '../support/recorded-peer.ts';
import { brokenInvariants } from '../support/room-invariants.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const LEASE_MS = 800;
const POLL_MS = 50;
const ROOM = server.rooms.v10 as RoomId;
const REMOTE_ROOM = server.rooms.remote as RoomId;
const REMOTE = server.remote_server_name as ServerName;
const NOTICE = { content: { msgtype: 'm.text', body: 'notice' } };

/** A job, and how it is slowed down: by a trigger on `table`, or by another server that does not answer. */
interface Slowed {
  readonly kind: string;
  readonly by: string;
  readonly trigger?: { readonly table: string; readonly on: 'INSERT' | 'UPDATE' | 'DELETE'; readonly seconds: number };
  readonly prepare?: (db: Knex) => Promise<unknown>;
  /**
   * Whether `stop()` waits until the job has ended, because the job is in its only step. @defaultValue false: another process
   * resumes the job
   */
  readonly endsHere?: boolean;
  readonly start: (admin: AdminPlugin) => Promise<{ readonly jobId: string }>;
}

const WRITES = { table: 'public.roomserver_events', on: 'INSERT', seconds: 0.05 } as const;
const DELETES = { table: 'public.syncapi_output_room_events', on: 'DELETE', seconds: 0.015 } as const;
/** Erin is invited to a room of another server. */
const erin = USERS.erin.user_id as UserId;
const alice = USERS.alice.user_id as UserId;

const JOBS: readonly Slowed[] = [
  {
    kind: 'evacuateRoom',
    by: 'its leaves',
    trigger: WRITES,
    endsHere: true,
    start: ({ operations }) => operations.evacuateRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'evacuateUser',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.evacuateUser.start({ userId: alice }, SYSTEM),
  },
  {
    kind: 'evacuateUser',
    by: 'another server',
    start: ({ operations }) => operations.evacuateUser.start({ userId: erin }, SYSTEM),
  },
  {
    kind: 'deactivateUser',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.deactivateUser.start({ userId: alice }, SYSTEM),
  },
  {
    kind: 'downloadState',
    by: 'another server',
    start: ({ operations }) => operations.downloadState.start({ serverName: REMOTE, roomId: REMOTE_ROOM }, SYSTEM),
  },
  {
    kind: 'refreshDevices',
    by: 'another server',
    start: ({ operations }) => operations.refreshDevices.start({ userId: `@zoe:${REMOTE}` as UserId }, SYSTEM),
  },
  {
    kind: 'sendServerNotices',
    by: 'its messages',
    trigger: { ...WRITES, seconds: 0.005 },
    // There are more accounts than one step sends notices to.
    prepare: async (db) => {
      for (let n = 0; n < 25; n += 1) await addAccount(db, { localpart: `user${n}`, accountType: 1 });
    },
    start: ({ operations }) => operations.sendServerNotices.start(NOTICE, SYSTEM),
  },
  {
    kind: 'purgeRoom',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.purgeRoom.start({ roomId: ROOM, evacuate: true }, SYSTEM),
  },
  {
    kind: 'purgeRoom',
    by: 'its deletions',
    trigger: DELETES,
    start: ({ operations }) => operations.purgeRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'deleteRoom',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.deleteRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'deleteRoom',
    by: 'its deletions',
    trigger: DELETES,
    start: ({ operations }) => operations.deleteRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'reindexFulltext',
    by: 'its batches',
    trigger: { table: 'matrix_admin.job_ranges', on: 'UPDATE', seconds: 0.3 },
    start: ({ operations }) => operations.reindexFulltext.start({}, SYSTEM),
  },
  {
    kind: 'purgeAbandonedRooms',
    by: 'its look',
    trigger: { table: 'matrix_admin.abandoned_rooms', on: 'INSERT', seconds: 0.5 },
    endsHere: true,
    start: async ({ operations }) => {
      await operations.evacuateRoom({ roomId: ROOM, invites: true, knocks: true }, SYSTEM);
      return operations.purgeAbandonedRooms.start({}, SYSTEM);
    },
  },
  {
    kind: 'runBulk',
    by: 'its items',
    trigger: { table: 'matrix_admin.bulk_items', on: 'UPDATE', seconds: 0.3 },
    start: async ({ operations }) => {
      const userIds = Object.values(USERS).map(({ user_id: userId }) => userId);
      const { token } = await operations.planBulk({ operation: 'setUserSuspended', userIds }, SYSTEM);
      return operations.runBulk.start({ token }, SYSTEM);
    },
  },
];

/** Creates another server. It answers a request only after `answer()` was called. */
function createPeer(state: RemoteState): {
  readonly federation: FederationSender;
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
  const peer = { federation, asked: false, answer };
  return peer;
}

async function slowDown(db: Knex, { table, on, seconds }: NonNullable<Slowed['trigger']>): Promise<void> {
  await db.raw(
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_sleep(${seconds}); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$`,
  );
  await db.raw(`CREATE TRIGGER slow BEFORE ${on} ON ${table} FOR EACH ROW EXECUTE FUNCTION slow()`);
}

/** Creates a connection that observes the database without the plugin's pool. */
function observe({ connectionString }: TestDatabase): {
  readonly isSlowed: () => Promise<boolean>;
  readonly active: () => Promise<unknown[]>;
} {
  const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 1 } });
  onTestFinished(() => db.destroy());
  const rows = async (sql: string): Promise<unknown[]> => (await db.raw(sql)).rows;
  const others = `datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  return {
    isSlowed: async () =>
      (await rows(`SELECT FROM pg_stat_activity WHERE ${others} AND wait_event = 'PgSleep'`)).length > 0,
    active: async () => [
      ...(await rows(`SELECT state, query FROM pg_stat_activity WHERE ${others} AND state <> 'idle'`)),
      ...(await rows(
        `SELECT l.classid, l.objid, l.mode FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE l.locktype = 'advisory' AND d.datname = current_database()`,
      )),
    ],
  };
}

describe('stop() in the middle of a job', () => {
  it.each(JOBS)(
    '$kind, slowed down by $by, ends all of it here',
    async ({ trigger, prepare, start, endsHere = false }) => {
      const database = await createTestDatabase({ fixture: true });
      onTestFinished(() => database.drop());
      const { db } = database;
      await prepare?.(db);
      const { isSlowed, active } = observe(database);
      const peer = createPeer(await readRecordedState(db, REMOTE_ROOM));
      let calls = 0;
      const count = (): void => void (calls += 1);
      const host: Partial<Host> = {
        federation: peer.federation,
        notifier: { roomsChanged: count, usersChanged: count },
      };
      const options = {
        ...ALL_ROUTES,
        rooms: { purgeAbandoned: { afterMs: 86_400_000 } },
        limits: { federationRequestMs: 2_000 },
        jobs: { leaseMs: LEASE_MS, pollIntervalMs: POLL_MS },
      };
      const first = await mountPlugin({ database, host, options });
      if (trigger !== undefined) await slowDown(db, trigger);
      const { jobId } = await start(first.admin);
      await expect.poll(() => (trigger === undefined ? peer.asked : isSlowed()), { interval: 10 }).toBe(true);

      await first.admin.stop();
      expect(await active()).toEqual([]);
      expect(database.pluginDb.client.pool.numUsed()).toBe(0);
      database.pluginDb.on('query', count);
      calls = 0;
      // The request was aborted, so nobody uses its answer any more.
      peer.answer();
      await delay(LEASE_MS);
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

  it('is tested with every kind of job', () => {
    expect(new Set(JOBS.map(({ kind }) => kind))).toEqual(new Set(JOB_OPERATIONS));
  });
});
