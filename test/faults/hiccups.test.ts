import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { brokenInvariants } from '../support/room-invariants.ts';

/** A number that is larger than the number of failures after which a job is no longer tried. */
const MANY = 10;

let db: Knex;
let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { ...ALL_ROUTES, jobs: { pollIntervalMs: 50 } } });
  ({ db } = plugin.database);
  // A trigger that runs under the plugin's role increases the sequence.
  await db.raw('CREATE SEQUENCE failures; GRANT ALL ON failures TO PUBLIC');
});
afterAll(() => plugin.close());

/**
 * Makes the next inserts or updates of a table fail. A sequence counts the failures, because a rollback does not undo a
 * sequence.
 */
async function failNext(table: string, sqlstate: string, times: number): Promise<void> {
  await db.raw(`SELECT setval('failures', 1, false)`);
  await db.raw(`CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('failures') <= ${times} THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '${sqlstate}'; END IF;
    RETURN NEW; END $$`);
  await db.raw(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION fail()`);
}
const failNoMore = (table: string): Promise<unknown> => Promise.resolve(db.raw(`DROP TRIGGER fail ON ${table}`));

const call = (method: string, path: string, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(path, { method, body: JSON.stringify(body) });
const auditOf = (target: string): Promise<{ operation: string; outcome: string }[]> =>
  Promise.resolve(db('matrix_admin.audit').where({ target }).orderBy('id').select('operation', 'outcome'));

describe.each([
  ['a deadlock', '40P01'],
  ['a serialization failure', '40001'],
])('%s', (_name, sqlstate) => {
  it('is retried if nothing else is wrong, and has one audit entry', async () => {
    const userId = `@made-after-${sqlstate.toLowerCase()}:${SERVER_NAME}`;
    await failNext('userapi_accounts', sqlstate, 3);
    const made = await call('PUT', `/_synapse/admin/v2/users/${userId}`, { password: 'long enough' });
    await failNoMore('userapi_accounts');
    expect([made.status, made.text]).toEqual([201, expect.stringContaining(userId)]);
    expect(await auditOf(userId)).toEqual([{ operation: 'setUser', outcome: 'ok' }]);
  });

  it('is answered with 503 if it does not end', async () => {
    const userId = USERS.bob.user_id;
    await failNext('matrix_admin.account_restrictions', sqlstate, 1_000);
    const answer = await call('PUT', `/_synapse/admin/v1/suspend/${userId}`, { suspend: true });
    await failNoMore('matrix_admin.account_restrictions');
    expect([answer.status, jsonOf(answer).errcode]).toEqual([503, 'M_UNKNOWN']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('does not count as a failure of a job', async () => {
    const roomId = sqlstate === '40001' ? server.rooms.v10 : server.rooms.v9;
    await failNext('roomserver_membership', sqlstate, MANY);
    const answer = await call('POST', `/_dendrite/admin/evacuateRoom/${roomId}`);
    await failNoMore('roomserver_membership');
    expect([answer.status, jsonOf(answer).failed]).toEqual([200, undefined]);
    const job = await db('matrix_admin.jobs').where({ kind: 'evacuateRoom', target: roomId }).first();
    expect(job).toMatchObject({ state: 'succeeded', failures: 0 });
    expect(job.attempts).toBeGreaterThan(MANY);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});

describe('a database whose transactions are serializable by default', () => {
  it('reindexes, deactivates and registers like any other', async () => {
    const other = await createTestDatabase({ fixture: true });
    await other.db.raw('ALTER DATABASE ?? SET default_transaction_isolation = serializable', [
      new URL(other.connectionString).pathname.slice(1),
    ]);
    await other.db.destroy();
    const strict = knex({ client: 'pg', connection: other.connectionString, pool: { min: 0, max: 10 } });
    const mounted = await mountPlugin({ database: { ...other, db: strict, pluginDb: strict }, options: ALL_ROUTES });
    const isolation = await strict.raw('SHOW transaction_isolation');
    expect(isolation.rows).toEqual([{ transaction_isolation: 'serializable' }]);
    const put = (name: string) =>
      mounted.asAdmin(`/_synapse/admin/v2/users/@${name}:${SERVER_NAME}`, {
        method: 'PUT',
        body: '{"password":"long enough"}',
      });
    const made = await Promise.all(Array.from({ length: 20 }, (_, n) => put(`strict${n}`)));
    const { jobId } = await mounted.admin.operations.reindexFulltext.start(
      {},
      { actor: { kind: 'system', name: 'test' } },
    );
    const { state } = await mounted.admin.jobs.wait(jobId);
    const gone = await Promise.all(
      made.map((_, n) =>
        mounted.asAdmin(`/_synapse/admin/v1/deactivate/@strict${n}:${SERVER_NAME}`, { method: 'POST', body: '{}' }),
      ),
    );
    await mounted.close();
    await strict.destroy();
    await other.drop();
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    expect(state).toBe('succeeded');
    expect(gone.map(({ status }) => status)).toEqual(gone.map(() => 200));
  });
});
