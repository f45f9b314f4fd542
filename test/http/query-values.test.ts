import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RouteRequest } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const ADMIN = '/_dendrite/admin';
const PARAMS: Readonly<Record<string, string>> = { userId: USERS.bob.user_id, roomId: '!r:localhost', eventId: '$e' };

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { ...ALL_ROUTES, audit: { retentionMs: 100 * 365 * 24 * 3_600_000 } } });
});
afterAll(() => plugin.close());

const problemOf = async (path: string): Promise<unknown> => {
  const answer = await plugin.asAdmin(path);
  return [answer.status, jsonOf(answer)['error']];
};

/** Returns the query parameters that a route reads if all are present. */
function queryKeys(input: (request: RouteRequest) => unknown): string[] {
  const read: string[] = [];
  const query = new Proxy<Record<string, string>>({}, { get: (_, key) => void read.push(String(key)) });
  input({
    params: PARAMS,
    query,
    valuesOf: () => undefined,
    body: {},
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  });
  return read;
}

const PARAMETERS = ROUTES.filter(({ method }) => method === 'GET').flatMap(({ path, input }) =>
  [...new Set(queryKeys(input))].map((key) => [path, key] as const),
);

it.each(PARAMETERS)('%s has a plain error for a wrong %s', async (template, key) => {
  const path = template.replaceAll(/[:*](\w+)/g, (_, name: string) => encodeURIComponent(PARAMS[name] ?? '1'));
  const { text } = await plugin.asAdmin(`${path}?${key}=two`);
  expect(text).not.toMatch(/NaN|expected number|received/);
});

describe('a number', () => {
  it.each<[string, string]>([
    [`${ADMIN}/jobs?limit=two`, 'bad parameter "limit": must be a whole number, not "two"'],
    [`${ADMIN}/jobs?limit=1.5`, 'bad parameter "limit": must be a whole number, not "1.5"'],
    [`${ADMIN}/jobs?limit=`, 'bad parameter "limit": must be a whole number, not ""'],
    [`${ADMIN}/jobs?limit=0`, 'bad parameter "limit": must be at least 1, not 0'],
    [`${ADMIN}/jobs?limit=1001`, 'bad parameter "limit": must be at most 1000, not 1001'],
    [`${ADMIN}/audit?from=x`, 'bad parameter "from": must be a whole number, not "x"'],
    ['/_synapse/admin/v1/event_reports/x', 'bad parameter "reportId": must be a whole number, not "x"'],
    // The answer does not repeat a long value, because it may be an access token that was pasted into the wrong place.
    [`${ADMIN}/jobs?limit=${'x'.repeat(30)}`, 'bad parameter "limit": must be a whole number'],
  ])('%s: %s', async (path, problem) => {
    expect(await problemOf(path)).toEqual([400, problem]);
  });

  it('gives the same error in bodies', async () => {
    const options = { method: 'POST', body: JSON.stringify({ uses_allowed: 'two' }) };
    const answer = await plugin.asAdmin('/_synapse/admin/v1/registration_tokens/new', options);
    expect(jsonOf(answer)['error']).toBe('bad parameter "uses_allowed": must be a whole number, not "two"');
  });
});

describe('a time', () => {
  const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  it.each([
    String(AT),
    '2026-01-02T03:04:05.678Z',
    '2026-01-02T03:04:05.678',
    '2026-01-02T04:04:05.678+01:00',
    '2026-01-02T04:04:05.678%2B0100',
    '2026-01-02T01:34:05.678-01:30',
  ])('may be %s', async (time) => {
    const { db } = plugin.database;
    await db('matrix_admin.audit').del();
    await db('matrix_admin.jobs').del();
    for (const at of [AT - 1, AT, AT + 1]) {
      const entry = { operation: 'x', outcome: 'ok', actor: 'x', request_id: String(at - AT) };
      await db('matrix_admin.audit').insert({ ...entry, at: new Date(at) });
      const job = { kind: 'x', created_by: String(at - AT), state: 'failed', finished_at: new Date() };
      await db('matrix_admin.jobs').insert({ ...job, created_at: new Date(at) });
    }
    const found = async (query: string): Promise<unknown[]> => {
      const { entries } = jsonOf(await plugin.asAdmin(`${ADMIN}/audit?${query}`)) as {
        entries: Record<string, unknown>[];
      };
      const { jobs } = jsonOf(await plugin.asAdmin(`${ADMIN}/jobs?${query}`)) as { jobs: Record<string, unknown>[] };
      return [entries.map((entry) => entry['request_id']), jobs.map((job) => job['created_by'])];
    };
    expect(await found(`since=${time}`)).toEqual([
      ['1', '0'],
      ['1', '0'],
    ]);
    expect(await found(`until=${time}`)).toEqual([['-1'], ['-1']]);
  });

  it.each([
    ['2026-01-02', Date.UTC(2026, 0, 2)],
    ['2026-01-02T03:04', Date.UTC(2026, 0, 2, 3, 4)],
    ['2026-01-02T03:04Z', Date.UTC(2026, 0, 2, 3, 4)],
  ])('may be as short as %s', async (time, at) => {
    const { db } = plugin.database;
    await db('matrix_admin.audit').del();
    await db('matrix_admin.audit').insert({
      operation: 'x',
      outcome: 'ok',
      actor: 'x',
      request_id: 'x',
      at: new Date(at),
    });
    const countOf = async (query: string): Promise<number> =>
      (jsonOf(await plugin.asAdmin(`${ADMIN}/audit?${query}`)) as { entries: unknown[] }).entries.length;
    expect([await countOf(`since=${time}`), await countOf(`until=${time}`)]).toEqual([1, 0]);
  });

  it.each(['yesterday', '', '2026-13-01', '2026-02-30', '2026-01-02T25:00Z', '2026-01-02 03:04', '1.5', '-1'])(
    'may not be "%s"',
    async (time) => {
      const problem = `must be a time, in ms since the epoch or in ISO 8601, not ${time === '-1' ? time : `"${time}"`}`;
      for (const route of ['audit', 'jobs']) {
        expect(await problemOf(`${ADMIN}/${route}?until=${encodeURIComponent(time)}`)).toEqual([
          400,
          `bad parameter "until": ${problem}`,
        ]);
      }
    },
  );
});
