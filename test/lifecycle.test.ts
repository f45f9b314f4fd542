import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import knex from 'knex';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { AdminPluginOptions } from '../src/config.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/plugin.ts';
import { createCapturedLogger } from './support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { createSigningKey, SERVER_NAME, USERS } from './support/dendrite-server.ts';
import { bearer, mountPlugin } from './support/mounted-plugin.ts';

const ROUNDS = 6;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const JOBS = '/_dendrite/admin/jobs';
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function databaseFor(
  options: Parameters<typeof createTestDatabase>[0] = { fixture: true },
): Promise<TestDatabase> {
  const database = await createTestDatabase(options);
  closings.push(() => database.drop());
  return database;
}

function create(database: TestDatabase, registry = new Registry(), options: AdminPluginOptions = {}): AdminPlugin {
  const logger = createCapturedLogger();
  return createAdminPlugin(
    { serverName: SERVER_NAME, db: database.db, signingKeys: [createSigningKey()], metrics: { registry }, logger },
    options,
  );
}

const used = ({ db }: TestDatabase): number => db.client.pool.numUsed();

async function reindex(admin: AdminPlugin): Promise<void> {
  const { jobId } = await admin.operations.reindexFulltext.start({}, SYSTEM);
  expect(await admin.jobs.wait(jobId)).toMatchObject({ state: 'succeeded', error: null });
}

describe('two plugins in one process', () => {
  it('share jobs, limits and search on one database, but have separate metrics', async () => {
    const database = await databaseFor();
    const [one, two] = [await mountPlugin({ database }), await mountPlugin({ database })];
    closings.push(one.close, two.close);
    const answer = await one.asAdmin('/_dendrite/admin/fulltext/reindex', { method: 'POST' });
    const { job_id: jobId } = JSON.parse(answer.text);
    expect(await two.admin.jobs.wait(jobId)).toMatchObject({ state: 'succeeded' });
    expect((await two.asAdmin(`${JOBS}/${jobId}`)).status).toBe(200);
    const count = 'matrix_admin_operations_total';
    // Only the plugin that has run the job counts it.
    const [ofOne = 0, ofTwo = 0] = await Promise.all(
      [one, two].map((plugin) => plugin.metric(count, { operation: 'reindexFulltext' })),
    );
    expect([Math.min(ofOne, ofTwo), Math.max(ofOne, ofTwo)]).toEqual([0, 1]);
    expect(await two.metric('matrix_admin_jobs', { state: 'succeeded' })).toBe(1);
    await one.admin.stop();
    expect((await two.asAdmin(JOBS)).status).toBe(200);
    expect(await two.registry.metrics()).toContain('matrix_admin_jobs{');
    expect(await one.registry.metrics()).not.toContain('matrix_admin');
  });

  it('are independent on two databases', async () => {
    const [one, two] = [await mountPlugin(), await mountPlugin()];
    closings.push(one.close, two.close);
    await reindex(one.admin);
    expect(JSON.parse((await one.asAdmin(JOBS)).text).jobs).toHaveLength(1);
    expect(JSON.parse((await two.asAdmin(JOBS)).text).jobs).toEqual([]);
    await one.admin.stop();
    await reindex(two.admin);
  });

  it('need separate registries', async () => {
    const database = await databaseFor();
    const registry = new Registry();
    const first = create(database, registry);
    closings.push(first.stop);
    const before = registry.getMetricsAsArray();
    expect(() => create(database, registry)).toThrow(
      /already has a metric matrix_admin_\w+: give each admin plugin its own registry/,
    );
    expect(registry.getMetricsAsArray()).toEqual(before);
  });

  it('may start at the same time on a fresh database', async () => {
    const database = await databaseFor({ migrated: false });
    const other = knex({ client: 'pg', connection: database.connectionString, pool: { min: 0, max: 5 } });
    closings.push(() => other.destroy());
    const plugins = [database, { ...database, db: other }, database, { ...database, db: other }].map((each) =>
      create(each),
    );
    closings.push(...plugins.map(({ stop }) => stop));
    await Promise.all(plugins.map(({ start }) => start()));
    const { rows } = await database.db.raw('SELECT count(*)::int AS n FROM matrix_admin.migrations');
    expect(rows[0].n).toBeGreaterThan(0);
    await Promise.all(plugins.map((admin) => admin.operations.reindexFulltext.start({}, SYSTEM)));
    for (const admin of plugins) {
      const { jobs } = await admin.operations.listJobs({}, SYSTEM);
      expect(await admin.jobs.wait(jobs[0]?.id ?? '')).toMatchObject({ state: 'succeeded' });
    }
  });
});

describe('start()', () => {
  it('of an older version refuses tables that a newer version has changed incompatibly, and gives a remedy', async () => {
    const database = await databaseFor();
    const newer = create(database);
    await newer.start();
    await newer.stop();
    const remedy = 'install version 2.1 or later, or restore the backup from before the upgrade';
    await database.db('matrix_admin.requirements').insert({ migration: '9999-future', remedy });
    const older = create(database);
    await expect(older.start()).rejects.toThrow(`(9999-future), and this one can't use them: ${remedy}`);
    await older.stop();
    await database.db('matrix_admin.requirements').del();
  });

  it('of an older version works on tables that a newer version has migrated', async () => {
    const database = await databaseFor();
    const newer = create(database);
    await newer.start();
    await newer.stop();
    await database.db('matrix_admin.migrations').insert({ name: '9999-future', batch: 99, migration_time: new Date() });
    await database.db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN future text');
    const older = create(database);
    closings.push(older.stop);
    await older.start();
    await reindex(older);
    expect(await database.db('matrix_admin.migrations').where({ name: '9999-future' })).toHaveLength(1);
  });

  it('lists what an empty database lacks, and leaves it empty', async () => {
    const { db, ...rest } = await databaseFor({ migrated: false });
    await db.raw('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const admin = create({ db, ...rest });
    closings.push(admin.stop);
    await expect(admin.start()).rejects.toThrow(
      /lacks: .*syncapi_output_room_events\.id.*userapi_devices\.access_token.*Create the homeserver's tables before start\(\)/,
    );
    const { rows } = await db.raw(`SELECT 1 FROM pg_tables WHERE schemaname = 'matrix_admin'`);
    expect(rows).toEqual([]);
  });

  it('names exactly the missing columns', async () => {
    const { db, ...rest } = await databaseFor({});
    await db.raw('ALTER TABLE public.userapi_accounts DROP COLUMN appservice_id');
    const admin = create({ db, ...rest });
    closings.push(admin.stop);
    await expect(admin.start()).rejects.toThrow('lacks: userapi_accounts.appservice_id. ');
  });

  it('logs which features are off because the federation sender lacks a method', async () => {
    const nobody = async (): Promise<never> => Promise.reject(new Error('nobody asks'));
    const federation = { wake: () => {}, makeLeave: nobody, queryDevices: nobody, lookupState: nobody };
    const { logger, close } = await mountPlugin({ host: { federation } });
    closings.push(close);
    const missing = logger.lines.filter(({ message }) => message.startsWith('host.federation: '));
    expect(missing.map(({ level, fields }) => [level, fields])).toEqual([
      ['info', { missing: ['sendLeave'] }],
      ['info', { missing: ['verifyKeys'] }],
      ['info', { missing: ['listRetries', 'retryNow'] }],
    ]);
  });

  it('after stop() rejects, and starts nothing', async () => {
    const database = await databaseFor();
    const admin = create(database);
    await admin.start();
    await admin.stop();
    await expect(admin.start()).rejects.toThrow(/has been stopped .* create another with createAdminPlugin\(\)/);
    const early = create(database);
    const started = early.start();
    await early.stop();
    await expect(started).rejects.toThrow(/has been stopped/);
  });

  it('starts once if called twice, and tries again after a failure', async () => {
    const { db, ...rest } = await databaseFor({});
    const columns = 'ALTER TABLE public.userapi_accounts RENAME COLUMN';
    await db.raw(`${columns} appservice_id TO elsewhere`);
    const admin = create({ db, ...rest });
    closings.push(admin.stop);
    await expect(admin.start()).rejects.toThrow('lacks: userapi_accounts.appservice_id. ');
    await db.raw(`${columns} elsewhere TO appservice_id`);
    await Promise.all([admin.start(), admin.start()]);
    await admin.start();
    await reindex(admin);
  });

  it('continues with the data of an earlier plugin', async () => {
    const database = await databaseFor();
    for (let n = 0; n < 3; n += 1) {
      const admin = create(database);
      await admin.start();
      await reindex(admin);
      await admin.stop();
    }
    const { rows } = await database.db.raw(
      `SELECT count(*)::int AS n FROM matrix_admin.jobs WHERE state = 'succeeded'`,
    );
    expect(rows[0].n).toBe(3);
  });
});

describe('stop()', () => {
  it('hands back a running job, and the next process finishes it', async () => {
    const database = await databaseFor();
    const first = create(database);
    await first.start();
    const lock = await database.db.transaction();
    await lock.raw('LOCK TABLE public.syncapi_output_room_events IN ACCESS EXCLUSIVE MODE');
    const { jobId } = await first.operations.reindexFulltext.start({}, SYSTEM);
    await expect.poll(async () => (await first.operations.getJob({ jobId }, SYSTEM)).state).toBe('running');
    const stopped = first.stop();
    await lock.rollback();
    await stopped;
    const second = create(database);
    closings.push(second.stop);
    await second.start();
    expect(await second.jobs.wait(jobId)).toMatchObject({ state: 'succeeded' });
  });

  it('rejects waits for a job', async () => {
    const database = await databaseFor();
    const admin = create(database);
    await admin.start();
    const [job] = await database.db('matrix_admin.jobs').insert({ kind: 'test', created_by: 'x' }).returning('id');
    const waiting = Array.from({ length: 20 }, () => admin.jobs.wait(job.id));
    const ends = Promise.allSettled(waiting);
    await expect.poll(() => used(database)).toBe(0);
    await admin.stop();
    expect((await ends).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
  });

  it('before start(), and twice, does no harm', async () => {
    const database = await databaseFor();
    const admin = create(database);
    await admin.stop();
    await admin.stop();
    expect(used(database)).toBe(0);
  });

  it(`leaves nothing behind after ${ROUNDS} rounds of use`, { timeout: 120_000 }, async () => {
    const database = await databaseFor();
    const registry = new Registry();
    const warnings: Error[] = [];
    const warn = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', warn);
    const lent = new AbortController();

    const round = async (): Promise<void> => {
      const plugin = await mountPlugin({ database, host: { metrics: { registry } } });
      plugin.admin.hooks.before('listJobs', { name: 'a' }, () => undefined);
      plugin.admin.hooks.after('listJobs', { name: 'a' }, () => {});
      await reindex(plugin.admin);
      const [job] = await database.db('matrix_admin.jobs').insert({ kind: 'test', created_by: 'x' }).returning('id');
      const waits = Array.from({ length: 12 }, () =>
        plugin.admin.jobs.wait(job.id, { signal: lent.signal }).catch(() => {}),
      );
      const left = new AbortController();
      const stream = await fetch(`${plugin.origin}${JOBS}/${job.id}/events`, {
        headers: bearer(USERS.admin.access_token),
        signal: left.signal,
      });
      const second = await fetch(`${plugin.origin}${JOBS}/${job.id}/events`, {
        headers: bearer(USERS.admin.access_token),
      });
      left.abort();
      await stream.text().catch(() => {});
      await plugin.request(JOBS);
      await registry.metrics();
      await plugin.admin.stop();
      await second.text();
      await plugin.close();
      await Promise.all(waits);
    };
    const state = async (): Promise<Record<string, unknown> & { timers: number; used: number }> => {
      const { rows } = await database.db.raw(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'`,
      );
      return {
        timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate').length,
        processListeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
        poolListeners: database.db.client
          .eventNames()
          .map((name: string) => [name, database.db.client.listenerCount(name)]),
        signalListeners: getEventListeners(lent.signal, 'abort').length,
        metrics: registry.getMetricsAsArray().length,
        busyBackends: rows.length,
        used: used(database),
      };
    };

    await round();
    const after = await state();
    for (let n = 1; n < ROUNDS; n += 1) await round();
    // Timers of the first round may end after this count. They can only make the later count smaller, while a leak makes it
    // larger.
    const settled = async (): Promise<unknown> => {
      const now = await state();
      return { ...now, timers: Math.max(now.timers, after.timers) };
    };
    // `expect.poll()` has a timer of its own, which the count would include.
    for (const end = Date.now() + 10_000; !isDeepStrictEqual(await settled(), after) && Date.now() < end; )
      await delay(50);
    expect(await settled()).toEqual(after);
    expect(after).toMatchObject({ metrics: 0, signalListeners: 0, used: 0, busyBackends: 1 });
    expect(database.db.client.pool.numUsed() + database.db.client.pool.numFree()).toBeLessThanOrEqual(10);
    expect((await database.db.raw('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
    expect(warnings).toEqual([]);
    process.off('warning', warn);
  });
});

describe('stop()', () => {
  it('returns after the last transaction of an evacuation has ended', async () => {
    const { admin, database, close } = await mountPlugin();
    const { db } = database;
    await db.raw(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$`,
    );
    await db.raw('CREATE TRIGGER slow BEFORE INSERT ON public.roomserver_events FOR EACH ROW EXECUTE FUNCTION slow()');
    const evacuated = admin.operations.evacuateUser({ userId: USERS.alice.user_id }, SYSTEM).catch(() => {});
    const busy = async (): Promise<number> => {
      const { rows } = await db.raw(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND backend_type = 'client backend' AND state <> 'idle'`,
      );
      return rows.length;
    };
    await expect.poll(busy).toBeGreaterThan(1);
    await admin.stop();
    expect(await busy()).toBe(0);
    await evacuated;
    await close();
  });
});
