import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { checkSummaries } from '../../../src/rooms/check-summaries.ts';
import { countSummarisedUsers } from '../../../src/storage/plugin/summarised-users.ts';
import { mergeUserCounts } from '../../../src/storage/plugin/user-counts.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { replaceUsers } from '../../support/recorded-users.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  await replaceUsers(db);
});
afterAll(() => plugin.close());

interface Page {
  readonly users: { readonly name: string; readonly last_seen_ts: number | null }[];
  readonly total: number;
  readonly next_token?: string;
}

async function pageOf(query: string): Promise<Page> {
  const answer = await plugin.request(`/_synapse/admin/v2/users?${query}`, { headers: bearer('token-of-admin') });
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer) as unknown as Page;
}
const namesOf = ({ users }: Page): string[] => users.map(({ name }) => name.slice(1).split(':')[0] ?? '');

async function rebuild(dryRun = false): Promise<{ compared: number; wrong: number }> {
  return (await plugin.admin.operations.rebuildSummaries({ dryRun }, SYSTEM)).users;
}

const FILTERS = [
  '&name=a',
  '&name=O',
  '&name=%25',
  '&name=nobody',
  '&deactivated=true',
  '&guests=false',
  '&locked=true',
  '&admins=true',
  '&not_user_type=',
  '&not_user_type=bot',
];
const ORDERS = ['name', 'creation_ts', 'last_seen_ts', 'displayname', 'is_guest'];
const PAGES = ['', '&from=3&limit=4', '&limit=2', '&from=1000'];
const QUERIES = [
  ...ORDERS.flatMap((order) => ['f', 'b'].flatMap((dir) => PAGES.map((page) => `order_by=${order}&dir=${dir}${page}`))),
  ...FILTERS.flatMap((filter) => ['name', 'last_seen_ts'].map((order) => `order_by=${order}&dir=b&limit=3${filter}`)),
];

describe('summaries of users', () => {
  it('give the same lists as the tables of the homeserver', async () => {
    const before = new Map<string, Page>();
    for (const query of QUERIES) before.set(query, await pageOf(query));
    const { compared, wrong } = await rebuild();
    expect([compared, wrong]).toEqual([compared, compared]);
    for (const query of QUERIES) expect([query, await pageOf(query)]).toEqual([query, before.get(query)]);
    expect(await rebuild(true)).toEqual({ compared, wrong: 0 });
  });

  it('follow the operations of the plugin', async () => {
    const { operations } = plugin.admin;
    const userId = `@summarised:${SERVER_NAME}` as UserId;
    const as = { actor: { kind: 'user', userId: `@admin:${SERVER_NAME}` as UserId } } as const;
    await operations.setUser({ userId, password: 'correct horse', displayName: 'Ünique Person' }, as);
    expect(namesOf(await pageOf(`name=${encodeURIComponent('ÜNIQUE')}`))).toEqual(['summarised']);
    await operations.setUser({ userId, displayName: 'Other Person' }, as);
    expect(namesOf(await pageOf(`name=${encodeURIComponent('ÜNIQUE')}`))).toEqual([]);
    await operations.setUser({ userId, locked: true }, as);
    expect(namesOf(await pageOf('name=other+person'))).toEqual([]);
    expect(namesOf(await pageOf('name=other+person&locked=true'))).toEqual(['summarised']);
    await operations.deactivateUser({ userId }, as);
    expect(namesOf(await pageOf('name=summarised&locked=true&deactivated=true'))).toEqual(['summarised']);
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('follow changes that the homeserver reports, and a regular check corrects other changes', async () => {
    const row = { server_name: SERVER_NAME, created_ts: 1, account_type: 1, is_deactivated: false };
    await db('userapi_accounts').insert([
      { ...row, localpart: 'told' },
      { ...row, localpart: 'untold' },
    ]);
    await plugin.admin.accounts.changed(`@told:${SERVER_NAME}` as UserId);
    expect(namesOf(await pageOf('name=told'))).toEqual(['told']);
    await db('userapi_devices').where('localpart', 'admin').update('last_seen_ts', 1);
    expect((await rebuild(true)).wrong).toBe(2);
    await db('matrix_admin.summary_states').update('checked_at', null);
    await checkSummaries(plugin.database.pluginDb, [SERVER_NAME]);
    expect(namesOf(await pageOf('name=told'))).toEqual(['told', 'untold']);
    expect(namesOf(await pageOf('order_by=last_seen_ts&limit=1'))).toEqual(['admin']);
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('are written once by an operation that changes several things', async () => {
    const { operations } = plugin.admin;
    const as = { actor: { kind: 'user', userId: `@admin:${SERVER_NAME}` as UserId } } as const;
    await db.raw(`CREATE TABLE public.test_writes (localpart text);
      CREATE FUNCTION public.test_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN INSERT INTO public.test_writes VALUES (new.localpart); RETURN NULL; END';
      CREATE TRIGGER test_write AFTER INSERT OR UPDATE ON matrix_admin.user_summaries
        FOR EACH ROW EXECUTE FUNCTION public.test_write()`);
    const userId = `@once:${SERVER_NAME}` as UserId;
    const changes = { password: 'correct horse', admin: false, userType: null, locked: false, suspended: false };
    await operations.setUser({ userId, displayName: 'Once', avatarUrl: 'mxc://x/1', ...changes }, as);
    expect(await db('test_writes')).toEqual([{ localpart: 'once' }]);
    await operations.setUser({ userId, displayName: 'Other', avatarUrl: 'mxc://x/2', ...changes }, as);
    expect(await db('test_writes')).toHaveLength(2);
    await db.raw('DROP TRIGGER test_write ON matrix_admin.user_summaries; DROP TABLE public.test_writes');
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('have totals that add up, also after their rows were merged', async () => {
    const filter = { serverNames: [SERVER_NAME], guests: true, locked: true };
    const count = (): Promise<number> => countSummarisedUsers(plugin.database.pluginDb, filter);
    const total = await count();
    expect(total).toBe((await db('userapi_accounts').where('server_name', SERVER_NAME)).length);
    await db.raw(
      `DO $$ BEGIN FOR n IN 1..150 LOOP
         INSERT INTO matrix_admin.user_summaries SELECT 'added' || n, server_name, account_type, is_deactivated, is_locked,
           user_type, created_ts, last_seen_ts, search_text FROM matrix_admin.user_summaries WHERE localpart = 'told';
       END LOOP; END $$`,
    );
    expect(await count()).toBe(total + 150);
    await mergeUserCounts(plugin.database.pluginDb);
    expect((await db('matrix_admin.user_counts')).length).toBeLessThan(20);
    expect(await count()).toBe(total + 150);
    await rebuild();
    expect(await count()).toBe(total);
  });

  it('make pages far down the list fast', async () => {
    await db.raw(
      `INSERT INTO userapi_accounts (localpart, server_name, created_ts, account_type)
       SELECT 'many' || n, ?, n % 700, 1 FROM generate_series(1, 4000) AS n`,
      [SERVER_NAME],
    );
    await rebuild();
    for (const query of [
      'order_by=creation_ts',
      'order_by=creation_ts&dir=b',
      'order_by=last_seen_ts&dir=b',
      'dir=f',
      'dir=b',
      'name=many',
      'name=99&order_by=creation_ts',
    ]) {
      const all = namesOf(await pageOf(`${query}&limit=10000`));
      for (const from of [995, 1_001, 2_500, 2_600, 3_990, 4_001, 1_500]) {
        expect([query, from, namesOf(await pageOf(`${query}&from=${from}&limit=7`))]).toEqual([
          query,
          from,
          all.slice(from, from + 7),
        ]);
      }
    }
  });

  it('stop with the plugin while an index is built', async () => {
    await db.raw('DROP INDEX matrix_admin.user_summaries_seen');
    const isBuilding = async (): Promise<boolean> =>
      (await db('pg_stat_activity').whereLike('query', 'CREATE INDEX CONCURRENTLY user_summaries_seen%')).some(
        ({ state }) => state === 'active',
      );
    const other = await db.transaction();
    // PostgreSQL does not finish the index before the end of this transaction.
    await other.raw('LOCK TABLE matrix_admin.user_summaries IN ROW EXCLUSIVE MODE');
    const { jobId } = await plugin.admin.operations.rebuildSummaries.start({}, SYSTEM);
    await expect.poll(isBuilding).toBe(true);
    await plugin.admin.stop();
    expect(await isBuilding()).toBe(false);
    expect(await db('matrix_admin.jobs').where('id', jobId).first()).toMatchObject({ state: 'queued', failures: 0 });
    await other.rollback();
  });
});
