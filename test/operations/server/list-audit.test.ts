import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { MOUNTS, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const AUDIT = '/_dendrite/admin/audit';

interface Entry {
  readonly id: number;
  readonly ts: number;
  readonly operation: string;
}

/** Adds audit entries, one second apart. Their request ids are the numbers from `from` to `to`. */
async function addEntries(db: Knex, from: number, to: number): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.audit (at, operation, outcome, actor, target, errcode, request_id, address)
     SELECT to_timestamp(n), CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, CASE n % 3 WHEN 0 THEN 'refused' ELSE 'ok' END,
       '@' || n % 5 || ':hs', 'target ' || n % 7, CASE n % 3 WHEN 0 THEN 'M_FORBIDDEN' END, n::text, '10.0.0.1'
     FROM generate_series(?::int, ?::int) n`,
    [from, to],
  );
}

describe.each(MOUNTS)('audit $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount, options: { audit: { retentionMs: 100 * 365 * 24 * 3_600_000 } } });
    await addEntries(plugin.database.db, 1, 250);
  });
  afterAll(() => plugin.close());

  const page = async (query: string): Promise<{ entries: Entry[]; next_token?: string }> => {
    const answer = await plugin.asAdmin(`${AUDIT}?${query}`);
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text);
  };
  const pages = async (query: string, between: () => Promise<void> = async () => {}): Promise<Entry[][]> => {
    const all: Entry[][] = [];
    for (let from = ''; ; ) {
      const { entries, next_token: next } = await page(`${query}${from}`);
      all.push(entries);
      if (next === undefined) return all;
      from = `&from=${next}`;
      await between();
    }
  };
  const numbers = (upTo: number, matches: (n: number) => boolean = () => true): number[] =>
    Array.from({ length: upTo }, (_, at) => upTo - at).filter(matches);
  const secondsOf = (entries: readonly Entry[]): number[] => entries.map(({ ts }) => ts / 1_000);

  it('shows the actor, operation, time, address and outcome', async () => {
    const answer = await plugin.asAdmin('/_dendrite/admin/jobs/01234567-89ab-4def-8123-456789abcdef/cancel', {
      method: 'POST',
    });
    const { entries } = await page('limit=1');
    expect(entries).toEqual([
      {
        id: expect.any(Number),
        ts: expect.any(Number),
        operation: 'cancelJob',
        outcome: 'refused',
        actor: USERS.admin.user_id,
        target: '01234567-89ab-4def-8123-456789abcdef',
        job_id: null,
        errcode: 'M_NOT_FOUND',
        approval_id: null,
        request_id: answer.headers['x-request-id'],
        address: '127.0.0.1',
      },
    ]);
    expect(Math.abs((entries[0]?.ts ?? 0) - Date.now())).toBeLessThan(60_000);
    await plugin.database.db('matrix_admin.audit').where({ operation: 'cancelJob' }).del();
  });

  it.each<[string, (n: number) => boolean]>([
    ['operation=odd', (n) => n % 2 === 1],
    ['outcome=refused', (n) => n % 3 === 0],
    ['outcome=ok', (n) => n % 3 !== 0],
    ['outcome=failed', () => false],
    ['actor=%402%3Ahs', (n) => n % 5 === 2],
    ['target=target+3', (n) => n % 7 === 3],
    ['target=target%203', (n) => n % 7 === 3],
    ['since=100000', (n) => n >= 100],
    ['until=100000', (n) => n < 100],
    ['since=100000&until=101000', (n) => n === 100],
    ['since=100001&until=100002', () => false],
    ['operation=even&outcome=refused&actor=@0:hs&since=50000&until=200000', (n) => n % 30 === 0 && n >= 50 && n < 200],
    ['operation=Odd', () => false],
    ['since=9007199254740991', () => false],
    ['until=9007199254740991', () => true],
  ])('filters by %s', async (query, matches) => {
    const found = (await pages(`${query}&limit=40`)).flat();
    expect(secondsOf(found)).toEqual(numbers(250, matches));
  });

  it('has pages of a hundred entries by default', async () => {
    const found = await pages('since=0');
    expect(found.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(secondsOf(found.flat())).toEqual(numbers(250));
  });

  it('loses and repeats no entry while entries are added', async () => {
    const found = await pages('operation=odd&limit=20', () => addEntries(plugin.database.db, 10_001, 10_020));
    expect(secondsOf(found.flat())).toEqual(numbers(250, (n) => n % 2 === 1));
    await plugin.database.db('matrix_admin.audit').where('at', '>=', new Date(10_000_000)).del();
  });

  it('has no next page after a last page that is exactly full', async () => {
    const { entries, next_token: next } = await page('limit=250');
    expect([entries.length, next]).toEqual([250, undefined]);
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=',
    'from=x',
    'from=-1',
    'from=1.5',
    'from=9999999999999999',
    'since=x',
    'since=-1',
    'until=NaN',
    'outcome=OK',
    'outcome=',
    'operation=%00',
    'actor=%00',
    'target=a%00b',
    `target=${'x'.repeat(301)}`,
    `operation=${'x'.repeat(101)}`,
  ])('refuses ?%s', async (query) => {
    const answer = await plugin.asAdmin(`${AUDIT}?${query}`);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toEqual({
      errcode: 'M_INVALID_PARAM',
      error: expect.stringContaining(query.split('=')[0] ?? ''),
    });
  });

  it('is not itself an entry', async () => {
    await page('');
    expect((await page('limit=1000')).entries).toHaveLength(250);
  });

  it('shows the beginning of a target that is too long', async () => {
    const jobId = randomBytes(5_000).toString('base64url');
    expect((await plugin.asAdmin(`/_dendrite/admin/jobs/${jobId}/cancel`, { method: 'POST' })).status).toBe(404);
    const [entry] = await plugin.database.db('matrix_admin.audit').orderBy('id', 'desc').limit(1);
    expect(entry).toMatchObject({ operation: 'cancelJob', outcome: 'refused', target: jobId.slice(0, 255) });
  });
});
