import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHOWN_INPUT } from '../../../src/jobs/shown-input.ts';
import { APPROVABLE_OPERATIONS } from '../../../src/operations/approvable-operations.ts';
import { operationNamed } from '../../../src/operations/operations.ts';
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { bearer, MOUNTS, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const APPROVALS = '/_dendrite/admin/approvals';
const UNKNOWN = '01234567-89ab-4def-8123-456789abcdef';
const COUNT = 25;

describe.each(MOUNTS)('approvals $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
    // Adds one approval for each second, beginning with second 1. The requests of odd seconds have expired.
    await plugin.database.db.raw(
      `INSERT INTO matrix_admin.approvals (operation, target, input, reason, requested_by, requested_at, request_id, expires_at)
       SELECT 'blockRoom', '!' || n % 5 || ':x', '{"roomId": "!r:x"}', 'as a rule', '@ann:x', to_timestamp(n), n,
         now() + CASE n % 2 WHEN 0 THEN interval '1 day' ELSE interval '-1 day' END
       FROM generate_series(1, ?::int) n`,
      [COUNT],
    );
  });
  afterAll(() => plugin.close());

  interface Page {
    readonly approvals: { readonly id: string; readonly request_id: string; readonly target: string }[];
    readonly next_token?: string;
  }
  const page = async (query: string): Promise<Page> => {
    const answer = await plugin.asAdmin(`${APPROVALS}?${query}`);
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text);
  };
  const numbersOf = ({ approvals }: Page): number[] => approvals.map(({ request_id: id }) => Number(id));
  const numbers = (matches: (n: number) => boolean = () => true): number[] =>
    Array.from({ length: COUNT }, (_, at) => COUNT - at).filter(matches);

  it('are listed newest first, page by page', async () => {
    const all: number[] = [];
    for (let from = ''; ; ) {
      const found = await page(`limit=10${from}`);
      all.push(...numbersOf(found));
      if (found.next_token === undefined) break;
      from = `&from=${found.next_token}`;
    }
    expect(all).toEqual(numbers());
  });

  it.each<[string, (n: number) => boolean]>([
    ['state=pending', (n) => n % 2 === 0],
    ['state=expired', (n) => n % 2 === 1],
    ['state=used', () => false],
    ['target=!3:x', (n) => n % 5 === 3],
    ['state=pending&target=!3:x', (n) => n % 2 === 0 && n % 5 === 3],
  ])('are filtered: %s', async (query, matches) => {
    expect(numbersOf(await page(query))).toEqual(numbers(matches));
  });

  it.each(['state=open', 'limit=0', 'limit=x', 'from=x', `from=${UNKNOWN}`, `target=${'x'.repeat(300)}`, 'target=%00'])(
    'cannot be listed with %s',
    async (query) => {
      expect((await plugin.asAdmin(`${APPROVALS}?${query}`)).status).toBe(400);
    },
  );

  it('are shown one by one', async () => {
    const { approvals } = await page('limit=1');
    const id = approvals[0]?.id ?? '';
    expect(jsonOf(await plugin.asAdmin(`${APPROVALS}/${id.toUpperCase()}`))).toEqual(approvals[0]);
  });

  it.each([
    [UNKNOWN, 404, 'M_NOT_FOUND'],
    ['x', 404, 'M_NOT_FOUND'],
    ['%00', 400, 'M_INVALID_PARAM'],
    [`${UNKNOWN}%00`, 400, 'M_INVALID_PARAM'],
  ])('that do not exist are neither shown nor decided: %s', async (id, status, errcode) => {
    const decision = { method: 'POST', body: '{"decision":"approve"}' } as const;
    for (const answer of [
      await plugin.asAdmin(`${APPROVALS}/${id}`),
      await plugin.asAdmin(`${APPROVALS}/${id}`, decision),
    ]) {
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    }
  });

  it('are for administrators', async () => {
    const { approvals } = await page('state=pending&limit=1');
    const headers = bearer(USERS.alice.access_token);
    for (const answer of [
      await plugin.request(APPROVALS, { headers }),
      await plugin.request(`${APPROVALS}/${approvals[0]?.id}`, { headers }),
      await plugin.request(`${APPROVALS}/${approvals[0]?.id}`, {
        method: 'POST',
        body: '{"decision":"approve"}',
        headers,
      }),
    ]) {
      expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
    }
  });
});

describe('an approval can be asked for', () => {
  const SECRET = /password|secret|token|mac|nonce|content|message|body/i;

  it.each(APPROVABLE_OPERATIONS)(
    'for %s, because its whole input is shown, and only administrators may call it',
    (name) => {
      const { access, effect, input } = operationNamed(name);
      const parameters = Object.keys((input as unknown as { shape: object }).shape);
      expect([access, effect === 'read']).toEqual(['admin', false]);
      expect(parameters.filter((parameter) => SECRET.test(parameter))).toEqual([]);
      if (effect === 'job') expect(parameters.toSorted()).toEqual([...(SHOWN_INPUT[name] ?? [])].sort());
    },
  );
});
