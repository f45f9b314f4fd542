import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { addUsers, RECORDED_USERS, replaceUsers } from '../../support/recorded-users.ts';

const VIRTUAL = 'virtual.example';
const ALL = RECORDED_USERS.map(({ name }) => name).join(' ');
const without = (...left: string[]): string =>
  ALL.split(' ')
    .filter((name) => !left.includes(name))
    .join(' ');
const reversed = ALL.split(' ').reverse().join(' ');

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ host: { virtualHosts: [VIRTUAL as never] } });
  ({ db } = plugin.database);
  await replaceUsers(db);
});
afterAll(() => plugin.close());

const list = (query = '', version = 'v2', token = 'token-of-admin'): Promise<Answer> =>
  plugin.request(`/_synapse/admin/${version}/users${query}`, { headers: bearer(token) });

interface Page {
  readonly users: Record<string, unknown>[];
  readonly total: number;
  readonly next_token?: string;
}

async function pageOf(query = '', version = 'v2'): Promise<Page> {
  const answer = await list(query, version);
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer) as unknown as Page;
}

const namesOf = ({ users }: Page): string => users.map(({ name }) => String(name).slice(1).split(':')[0]).join(' ');

/** Reads all pages by following `next_token`. */
async function walk(query: string, between: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const names: string[] = [];
  for (let from = '0'; ; ) {
    const page = await pageOf(`?${query}&from=${from}`);
    names.push(...namesOf(page).split(' ').filter(Boolean));
    if (page.next_token === undefined) return names;
    from = page.next_token;
    await between();
  }
}

describe('answers as recorded', () => {
  it('shows the same fields as Synapse', async () => {
    const { users } = await pageOf('?limit=2');
    expect(users).toEqual([
      {
        name: `@1:${SERVER_NAME}`,
        user_type: null,
        is_guest: true,
        admin: false,
        deactivated: false,
        shadow_banned: false,
        displayname: '1',
        avatar_url: null,
        creation_ts: 1_795_425_827_000,
        erased: false,
        last_seen_ts: 1_795_425_841_059,
        locked: false,
      },
      expect.objectContaining({ name: `@admin:${SERVER_NAME}`, admin: true, is_guest: false }),
    ]);
  });

  it.each<[query: string, names: string, total: number]>([
    ['', ALL, 25],
    ['?limit=3', '1 admin alice', 25],
    ['?from=3&limit=3', 'bob carol dave', 25],
    ['?from=1000', '', 25],
    ['?limit=0', '', 25],
    ['?name=bob', 'bob', 1],
    ['?name=BOB', 'bob', 1],
    ['?name=Builder', 'bob', 1],
    ['?name=builder', 'bob', 1],
    ['?name=', ALL, 25],
    ['?name=zzzz', '', 0],
    [`?name=${encodeURIComponent(`@bob:${SERVER_NAME}`)}`, '', 0],
    ['?user_id=bob', 'bob', 1],
    [`?user_id=${encodeURIComponent(`@bob:${SERVER_NAME}`)}`, 'bob', 1],
    [`?user_id=${encodeURIComponent(`@BOB:${SERVER_NAME}`)}`, 'bob', 1],
    ['?user_id=%40BOB%3A', 'bob', 1],
    ['?user_id=bo&name=Builder', 'bob', 1],
    ['?user_id=', ALL, 25],
    ['?guests=false', without('1'), 24],
    ['?guests=true', ALL, 25],
    ['?deactivated=true', ALL, 25],
    ['?deactivated=false', ALL, 25],
    ['?admins=true', 'admin judy', 2],
    ['?admins=false', without('admin', 'judy'), 23],
    ['?locked=true', ALL, 25],
    ['?not_user_type=bot', without('robot'), 24],
    ['?not_user_type=', 'helper robot', 2],
    ['?not_user_type=bot&not_user_type=support', without('robot', 'helper'), 23],
    ['?dir=b', reversed, 25],
    ['?dir=f', ALL, 25],
    ['?limit=6&order_by=name', '1 admin alice bob carol dave', 25],
    ['?limit=6&order_by=name&dir=b', 'robot oscar9 oscar7n oscar6 oscar11 nora', 25],
    ['?limit=6&order_by=displayname', '1 bob kate admin alice carol', 25],
    ['?limit=6&order_by=displayname&dir=b', 'kate2 robot oscar9 oscar7n oscar6 oscar11', 25],
    ['?limit=6&order_by=is_guest', 'admin alice bob carol dave erin', 25],
    ['?limit=6&order_by=is_guest&dir=b', '1 admin alice bob carol dave', 25],
    ['?limit=6&order_by=admin', '1 alice bob carol dave erin', 25],
    ['?limit=6&order_by=admin&dir=b', 'admin judy 1 alice bob carol', 25],
    ['?limit=6&order_by=deactivated', '1 admin alice bob carol dave', 25],
    ['?limit=6&order_by=user_type', 'robot helper 1 admin alice bob', 25],
    ['?limit=6&order_by=user_type&dir=b', '1 admin alice bob carol dave', 25],
    ['?limit=6&order_by=avatar_url', 'bob 1 admin alice carol dave', 25],
    ['?limit=6&order_by=avatar_url&dir=b', '1 admin alice carol dave erin', 25],
    ['?limit=6&order_by=shadow_banned', '1 admin alice bob carol dave', 25],
    ['?limit=6&order_by=creation_ts', 'admin alice bob carol dave erin', 25],
    ['?limit=6&order_by=creation_ts&dir=b', 'oscar11 oscar9 oscar7n oscar6 nora mike2', 25],
    ['?limit=6&order_by=last_seen_ts', 'alice bob dave carol admin erin', 25],
    ['?limit=6&order_by=last_seen_ts&dir=b', 'helper ivan judy kate kate2 kate3', 25],
    ['?limit=6&order_by=locked&dir=b', '1 admin alice bob carol dave', 25],
    // The wildcards of SQL are ordinary characters here.
    ['?name=%25', '', 0],
    ['?name=_', '', 0],
  ])('v2%s', async (query, names, total) => {
    const page = await pageOf(query);
    expect([namesOf(page), page.total]).toEqual([names, total]);
    expect(page.next_token === undefined ? 'end' : typeof page.next_token).toBe(
      /limit=[36]|limit=0/.test(query) ? 'string' : 'end',
    );
  });

  it.each([
    '?limit=-1',
    '?from=-1',
    '?limit=abc',
    '?from=abc',
    '?limit=',
    '?from=',
    '?from=1.5',
    '?limit=99999999999999999999',
    '?from=99999999999999999999',
    '?guests=False',
    '?guests=FALSE',
    '?guests=0',
    '?guests=1',
    '?deactivated=',
    '?dir=x',
    '?dir=B',
    '?order_by=nonsense',
    '?order_by=',
    '?not_user_type=alien',
    '?name=%00',
  ])('v2%s is a 400', async (query) => {
    const answer = await list(query);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it.each([
    ['', 401, 'M_MISSING_TOKEN'],
    ['not-a-token', 401, 'M_UNKNOWN_TOKEN'],
    ['token-of-alice', 403, 'M_FORBIDDEN'],
  ])('is for administrators: token %j', async (token, status, errcode) => {
    for (const version of ['v2', 'v3']) {
      const answer = await plugin.request(`/_synapse/admin/${version}/users`, {
        headers: token === '' ? {} : bearer(token),
      });
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    }
  });

  it('with deactivated and locked users', async () => {
    const gone = ['pat', 'ruth'].map((name) => ({ name, created: 30_000, deactivated: true }));
    await addUsers(db, [...gone, { name: 'locked', created: 31_000 }]);
    await db('matrix_admin.account_restrictions').insert({
      user_id: `@locked:${SERVER_NAME}`,
      restriction: 'locked',
      set_by: 'test',
    });
    for (const [version, query, names, total] of [
      ['v2', '', ALL, 25],
      ['v2', '?deactivated=true&limit=200', `${without('robot')} pat robot ruth`, 27],
      ['v2', '?deactivated=false', ALL, 25],
      ['v2', '?deactivated=true&order_by=deactivated&dir=b&limit=4', 'pat ruth 1 admin', 27],
      ['v2', '?locked=true&name=locked', 'locked', 1],
      ['v2', '?name=locked', '', 0],
      ['v2', '?locked=true&order_by=locked&dir=b&limit=2', 'locked 1', 26],
      ['v3', '?deactivated=true', 'pat ruth', 2],
      ['v3', '?deactivated=false&limit=3', '1 admin alice', 25],
      ['v3', '?limit=100', `${without('robot')} pat robot ruth`, 27],
      ['v3', '?name=alice', 'alice', 1],
    ] as const) {
      const page = await pageOf(query, version);
      expect([namesOf(page), page.total], `${version} ${query}`).toEqual([names, total]);
    }
    expect((await pageOf('?locked=true&name=locked')).users).toMatchObject([{ locked: true }]);
    for (const table of ['accounts', 'profiles']) {
      await db(`public.userapi_${table}`).whereIn('localpart', ['pat', 'ruth', 'locked']).delete();
    }
    await db('matrix_admin.account_restrictions').delete();
  });
});

describe('pages', () => {
  it.each(['', '&dir=b', '&order_by=displayname', '&order_by=last_seen_ts&dir=b', '&guests=false&name=a'])(
    'together give the whole list: limit=4%s',
    async (query) => {
      const whole = namesOf(await pageOf(`?limit=1000${query}`)).split(' ');
      expect(await walk(`limit=4${query}`)).toEqual(whole);
      expect(whole.length).toBeGreaterThan(5);
    },
  );

  it('continue after the last user shown, even if earlier users are added or removed', async () => {
    let visitors = 0;
    const names = await walk('limit=5', async () => {
      visitors += 1;
      await addUsers(db, [{ name: `0visitor${visitors}`, created: 0 }]);
      await db('public.userapi_accounts').where('localpart', 'alice').delete();
    });
    expect(names).toEqual(ALL.split(' '));
    for (const table of ['accounts', 'profiles']) {
      await db(`public.userapi_${table}`).where('localpart', 'like', '0visitor%').delete();
    }
    await db('public.userapi_profiles').where('localpart', 'alice').delete();
    await addUsers(db, [{ name: 'alice', created: 1_000 }]);
  });

  it('have tokens of digits, which are not valid for another order', async () => {
    const { next_token: token } = await pageOf('?limit=2');
    expect(token).toMatch(/^\d{13,}$/);
    const answer = await list(`?limit=2&order_by=creation_ts&from=${token}`);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it('include users of virtual hosts, and no others', async () => {
    for (const [localpart, server_name] of [
      ['bob', VIRTUAL],
      ['b', VIRTUAL],
      ['bob', 'elsewhere.example'],
    ]) {
      await db('public.userapi_accounts').insert({ localpart, server_name, created_ts: 1, account_type: 1 });
    }
    const names = async (query: string): Promise<unknown[]> => (await pageOf(query)).users.map(({ name }) => name);
    expect(await names('?user_id=bob')).toEqual([`@bob:${SERVER_NAME}`, `@bob:${VIRTUAL}`]);
    expect(await names('?user_id=@bob:virtual.example')).toEqual([`@bob:${VIRTUAL}`]);
    const { next_token: token } = await pageOf('?user_id=bob&limit=1');
    expect(await names(`?user_id=bob&from=${token}`)).toEqual([`@bob:${VIRTUAL}`]);
    const first = await pageOf(`?name=b&limit=1&user_id=${VIRTUAL}`);
    expect(namesOf(first)).toBe('b');
    await db('public.userapi_accounts').whereNot('server_name', SERVER_NAME).delete();
  });
});

describe('the total', () => {
  it('is not counted again for each caller', async () => {
    const queries: string[] = [];
    const count = ({ sql }: { sql: string }): void => {
      if (sql.includes('count(*)')) queries.push(sql);
    };
    db.on('query', count);
    const pages = await Promise.all(Array.from({ length: 20 }, () => pageOf('?limit=1&guests=false')));
    db.off('query', count);
    expect(new Set(pages.map(({ total }) => total))).toEqual(new Set([24]));
    expect(queries.length).toBeLessThan(10);
  });

  it.each<[string, string, object, string, number]>([
    ['admin', 'v1/users/USER/admin', { admin: true }, 'admins=true', 1],
    ['no admin', 'v1/users/USER/admin', { admin: false }, 'admins=true', -1],
    ['made', 'v2/users/USER', { password: 'pw-newcomer' }, '', 1],
    ['locked', 'v2/users/USER', { locked: true }, '', -1],
    ['unlocked', 'v2/users/USER', { locked: false }, '', 1],
    ['deactivated', 'v2/users/USER', { deactivated: true }, '', -1],
  ])('is updated after a change in this process: %s', async (_title, path, body, filter, difference) => {
    const user = path.startsWith('v1') ? 'bob' : 'newcomer';
    const query = `?limit=1&${filter}`;
    const { total } = await pageOf(query);
    const answer = await plugin.request(
      `/_synapse/admin/${path.replace('USER', encodeURIComponent(`@${user}:${SERVER_NAME}`))}`,
      { method: 'PUT', headers: bearer('token-of-admin'), body: JSON.stringify(body) },
    );
    expect(answer.status, answer.text).toBeLessThan(202);
    expect((await pageOf(query)).total).toBe(total + difference);
  });
});

it('in-process', async () => {
  const { listUsers, getUser } = plugin.admin.operations;
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  const page = await listUsers({ limit: 1, name: 'bob' }, system);
  expect(page).toMatchObject({ total: 1, nextToken: undefined, users: [{ displayName: 'Bob Builder' }] });
  const userId = `@bob:${SERVER_NAME}` as never;
  expect(await getUser({ userId }, system)).toMatchObject({ userId, threepids: [], isLocked: false });
});
