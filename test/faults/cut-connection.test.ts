import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { until } from '../support/search-plugin.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
/** A connection that does not go through the proxy. */
let db: Knex;
let proxy: TcpProxy;
let plugin: MountedPlugin;
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  proxy = await startTcpProxy(database.connectionString);
  const connection = proxy.url;
  const proxied = knex({ client: 'pg', connection, pool: { min: 0, max: 10 }, acquireConnectionTimeout: 2_000 });
  plugin = await mountPlugin({ database: { ...database, db: proxied, pluginDb: proxied }, options: ALL_ROUTES });
  const { pool } = proxied.client;
  // Wait for the worker's first look for jobs, because it also commits transactions.
  await until(() => pool.numUsed() + pool.numPendingAcquires() === 0);
});
afterAll(async () => {
  await plugin.close();
  await plugin.database.db.destroy();
  await proxy.close();
  await database.drop();
});

const call = (method: string, path: string, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(path, { method, body: JSON.stringify(body) });
const suspend = (userId: string): Promise<Answer> =>
  call('PUT', `/_synapse/admin/v1/suspend/${userId}`, { suspend: true });
const auditOf = (target: string): Promise<{ operation: string; outcome: string }[]> =>
  Promise.resolve(db('matrix_admin.audit').where({ target }).orderBy('id').select('operation', 'outcome'));
const isSuspended = async (userId: string): Promise<boolean> =>
  (await db('matrix_admin.account_restrictions').where({ user_id: userId })).length > 0;

it('a connection that is cut between the commit and its answer: the committed result is answered, with one audit entry', async () => {
  const userId = USERS.carol.user_id;
  proxy.cutAtNextCommit('after');
  const answer = await suspend(userId);
  expect([answer.status, jsonOf(answer)]).toEqual([200, { [`user_${userId}_suspended`]: true }]);
  expect(await isSuspended(userId)).toBe(true);
  expect(await auditOf(userId)).toEqual([{ operation: 'setUserSuspended', outcome: 'ok' }]);
});

it('a connection that is cut before the commit: nothing was done, and the answer and the audit say so', async () => {
  const userId = USERS.bob.user_id;
  proxy.cutAtNextCommit('before');
  const answer = await suspend(userId);
  expect([answer.status, jsonOf(answer).errcode]).toEqual([503, 'M_UNKNOWN']);
  expect(await isSuspended(userId)).toBe(false);
  expect(await auditOf(userId)).toEqual([{ operation: 'setUserSuspended', outcome: 'failed' }]);
});

it('while the database is unavailable, answers are 503 with a retry time', async () => {
  const path = '/_synapse/admin/v2/users';
  proxy.cut();
  for (const answer of [await call('GET', path), await call('POST', '/_synapse/admin/v1/reset_password/@x:y')]) {
    expect([answer.status, jsonOf(answer).errcode]).toEqual([503, 'M_UNKNOWN']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(/ECONN|127\.0\.0\.1|postgres/i);
  }
  proxy.restore();
  expect((await call('GET', path)).status).toBe(200);
});
