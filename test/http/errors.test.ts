import type { AddressInfo } from 'node:net';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import knex from 'knex';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin, ROOT_MOUNT } from '../support/mounted-plugin.ts';

const INTERNALS =
  /select|insert|update |relation|userapi|matrix_admin|postgres|knex|\.ts|\.js|node_modules|at .*\(|syntax/i;
const SILENT = { debug: () => {}, warn: () => {}, error: () => {}, deprecate: () => {} };
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

/** Checks the shape of a 5xx, and that its id leads to a line of the log. */
function expectInternalError(
  plugin: MountedPlugin,
  answer: { status: number; text: string; headers: Record<string, unknown> },
): void {
  expect(answer.status).toBe(500);
  expect(JSON.parse(answer.text)).toEqual({
    errcode: 'M_UNKNOWN',
    error: expect.any(String),
    request_id: answer.headers['x-request-id'],
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
  ])('without %s answers %s %s with a 500 that tells nothing', async (table, method, path) => {
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
    // HEAD of what POST would change looks at nothing but the caller.
    expect([500, method === 'GET' ? 500 : 200]).toContain(head.status);
    expect(head.text).toBe('');
  });
});

/** Passes bytes on to PostgreSQL until it is cut. */
async function startProxy(target: string): Promise<{ url: string; cut: () => void; stop: () => Promise<void> }> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connectSocket(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from
        .on('error', () => to.destroy())
        .on('close', () => to.destroy())
        .pipe(to);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    stop: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  };
}

describe('a connection to the database that is cut in the middle of a query', () => {
  it('tells no token to anybody', async () => {
    const own = await createTestDatabase({ fixture: true });
    const proxy = await startProxy(own.connectionString);
    const db = knex({ client: 'pg', connection: proxy.url, pool: { min: 0, max: 4 } });
    const database: TestDatabase = { ...own, db };
    const plugin = await mountPlugin({ mount: ROOT_MOUNT, database, options: { jobs: { pollIntervalMs: 600_000 } } });
    closings.push(
      () => own.drop(),
      proxy.stop,
      () => db.destroy(),
      plugin.close,
    );
    const lock = await own.db.transaction();
    await lock.raw('LOCK TABLE public.userapi_devices IN ACCESS EXCLUSIVE MODE');
    const answer = plugin.asAdmin('/_dendrite/admin/jobs');
    await vi.waitFor(async () => {
      const { rows } = await own.db.raw(`SELECT 1 FROM pg_locks WHERE NOT granted`);
      expect(rows).toHaveLength(1);
    });
    proxy.cut();
    expectInternalError(plugin, await answer);
    await lock.rollback();
    expectNoSecrets(plugin);
    expect(plugin.logger.text()).toContain('Connection terminated');
    expect((await plugin.asAdmin('/_dendrite/admin/jobs')).status).toBe(200);
  });

  it('does not lock out anybody: a pool without a free connection is a 500, too', async () => {
    const own = await createTestDatabase({ fixture: true });
    const db = knex({
      client: 'pg',
      connection: own.connectionString,
      pool: { min: 0, max: 1 },
      acquireConnectionTimeout: 300,
      log: SILENT,
    });
    const plugin = await mountPlugin({ database: { ...own, db }, options: { jobs: { pollIntervalMs: 600_000 } } });
    closings.push(
      () => own.drop(),
      () => db.destroy(),
      plugin.close,
    );
    const busy = await db.transaction();
    const answer = await plugin.asAdmin('/_dendrite/admin/jobs');
    expectInternalError(plugin, answer);
    await busy.rollback();
    expectNoSecrets(plugin);
    expect(jsonOf(await plugin.asAdmin('/_dendrite/admin/jobs'))).toEqual({ jobs: [] });
  });
});
