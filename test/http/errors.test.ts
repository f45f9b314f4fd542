import knex from 'knex';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin, ROOT_MOUNT } from '../support/mounted-plugin.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const INTERNALS =
  /select|insert|update |relation|userapi|matrix_admin|postgres|knex|\.ts|\.js|node_modules|at .*\(|syntax/i;
const SILENT = { debug: () => {}, warn: () => {}, error: () => {}, deprecate: () => {} };
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

/** Checks the form of a 5xx answer, and that its request id leads to a line of the log. */
function expectInternalError(plugin: MountedPlugin, answer: Answer): void {
  expect(answer.status).toBe(500);
  expectFailure(plugin, answer, {});
}

/** Checks the form of a 503 answer, which says when the client should try again. */
function expectUnavailable(plugin: MountedPlugin, answer: Answer): void {
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
  expectFailure(plugin, answer, { retry_after_ms: 5_000 });
}

function expectFailure(plugin: MountedPlugin, answer: Answer, more: object): void {
  expect(JSON.parse(answer.text)).toEqual({
    errcode: 'M_UNKNOWN',
    error: expect.any(String),
    request_id: answer.headers['x-request-id'],
    ...more,
  });
  expect(answer.text).not.toMatch(INTERNALS);
  expect(answer.headers['content-type']).toBe('application/json');
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  const line = plugin.logger.lines.find(({ fields }) => fields.requestId === answer.headers['x-request-id']);
  expect(line).toMatchObject({ level: 'error' });
}

function expectNoSecrets(plugin: MountedPlugin): void {
  const logged = plugin.logger.text();
  for (const { access_token: token } of Object.values(USERS)) expect(logged).not.toContain(token);
  expect(logged).not.toMatch(/SELECT|INSERT INTO|UPDATE matrix_admin/);
}

describe.each(MOUNTS)('a broken database $name', (mount) => {
  it.each([
    ['public.userapi_devices', 'GET', '/_dendrite/admin/jobs'],
    ['public.userapi_accounts', 'POST', '/_dendrite/admin/fulltext/reindex'],
    ['matrix_admin.jobs', 'GET', '/_dendrite/admin/jobs?kind=secret-kind'],
    ['matrix_admin.jobs', 'POST', '/_dendrite/admin/fulltext/reindex'],
    ['matrix_admin.jobs', 'GET', '/_dendrite/admin/jobs/01234567-89ab-4def-8123-456789abcdef/events'],
    ['matrix_admin.audit', 'GET', '/_dendrite/admin/audit?target=secret-target'],
    ['matrix_admin.audit', 'POST', '/_dendrite/admin/fulltext/reindex'],
  ])('without %s answers %s %s with a 500 that reveals nothing', async (table, method, path) => {
    const plugin = await mountPlugin({ mount, options: { jobs: { pollIntervalMs: 600_000 } } });
    closings.push(plugin.close);
    await plugin.database.db.raw(`ALTER TABLE ${table} RENAME TO gone`);
    const answer = await plugin.asAdmin(path, { method });
    expectInternalError(plugin, answer);
    expect(answer.text).not.toContain('secret');
    expectNoSecrets(plugin);
    expect(plugin.logger.text()).not.toContain('secret-');
    expect(plugin.appErrors).toEqual([]);
    const head = await plugin.asAdmin(path, { method: 'HEAD' });
    // A HEAD request for a path that changes something checks only the caller, and so does not fail.
    expect([500, method === 'GET' ? 500 : 200]).toContain(head.status);
    expect(head.text).toBe('');
  });
});

describe('a connection to the database that is cut in the middle of a query', () => {
  it('reveals no token', async () => {
    const own = await createTestDatabase({ fixture: true });
    const proxy = await startTcpProxy(own.connectionString);
    const db = knex({ client: 'pg', connection: proxy.url, pool: { min: 0, max: 5 } });
    const database: TestDatabase = { ...own, db, pluginDb: db };
    const plugin = await mountPlugin({ mount: ROOT_MOUNT, database, options: { jobs: { pollIntervalMs: 600_000 } } });
    closings.push(
      () => own.drop(),
      proxy.close,
      () => db.destroy(),
      plugin.close,
    );
    const lock = await own.db.transaction();
    await lock.raw('LOCK TABLE public.userapi_devices IN ACCESS EXCLUSIVE MODE');
    const answer = plugin.asAdmin('/_dendrite/admin/jobs');
    await vi.waitFor(async () => {
      const { rows } = await own.db.raw(
        'SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE NOT granted AND datname = current_database()',
      );
      expect(rows).toHaveLength(1);
    });
    proxy.cut();
    proxy.restore();
    expectUnavailable(plugin, await answer);
    await lock.rollback();
    expectNoSecrets(plugin);
    expect(plugin.logger.text()).toContain('Connection terminated');
    expect((await plugin.asAdmin('/_dendrite/admin/jobs')).status).toBe(200);
  });

  it('locks nobody out: a pool without a free connection also gives a 503', async () => {
    const own = await createTestDatabase({ fixture: true });
    const db = knex({
      client: 'pg',
      connection: own.connectionString,
      pool: { min: 0, max: 3 },
      acquireConnectionTimeout: 300,
      log: SILENT,
    });
    const options = { jobs: { pollIntervalMs: 600_000 }, limits: { connections: 2 } };
    const plugin = await mountPlugin({ database: { ...own, db, pluginDb: db }, options });
    closings.push(
      () => own.drop(),
      () => db.destroy(),
      plugin.close,
    );
    const busy = [await db.transaction(), await db.transaction(), await db.transaction()];
    expectUnavailable(plugin, await plugin.asAdmin('/_dendrite/admin/jobs'));
    for (const transaction of busy) await transaction.rollback();
    expectNoSecrets(plugin);
    expect(jsonOf(await plugin.asAdmin('/_dendrite/admin/jobs'))).toEqual({ jobs: [] });
  });
});
