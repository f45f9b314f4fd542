import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAccount, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { replaceUsers } from '../../support/recorded-users.ts';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: { appservices: [{ id: 'irc', asToken: 'as', userNamespaces: [/^@irc_/] }] },
    options: { serverNotices: {} },
  });
  ({ db } = plugin.database);
  await replaceUsers(db);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());

const get = (path: string, token = 'token-of-admin'): Promise<Answer> =>
  plugin.request(`/_synapse/admin/v1/${path}`, { headers: bearer(token) });
const outcome = async (path: string): Promise<unknown> => {
  const answer = await get(path);
  return [answer.status, jsonOf(answer).errcode];
};

it.each([
  'username_available?username=x',
  'threepid/email/users/x',
  'auth_providers/x/users/x',
  'search_users/@a:b?term=x',
])('%s is for administrators', async (path) => {
  expect((await get(path, 'token-of-alice')).status).toBe(403);
  expect((await plugin.request(`/_synapse/admin/v1/${path}`)).status).toBe(401);
});

it.each([
  ['free', 200, undefined],
  ['FREE', 200, undefined],
  ['Alice', 400, 'M_USER_IN_USE'],
  ['gone', 400, 'M_USER_IN_USE'],
  ['', 400, 'M_INVALID_USERNAME'],
  ['_x', 400, 'M_INVALID_USERNAME'],
  ['123', 400, 'M_INVALID_USERNAME'],
  ['irc_x', 400, 'M_EXCLUSIVE'],
  ['x'.repeat(300), 400, 'M_BAD_JSON'],
])('the name %j gets the answer that a registration would get: %i %s', async (username, status, errcode) => {
  expect(await outcome(`username_available?username=${username}`)).toEqual([status, errcode]);
});

describe('third-party identifiers', () => {
  it('find their user, even if the e-mail address is spelled in another case', async () => {
    const owner = { localpart: 'bob', server_name: SERVER_NAME };
    await db('public.userapi_threepids').insert([
      { ...owner, threepid: 'bob@example.org', medium: 'email' },
      { ...owner, localpart: 'carol', threepid: 'Bob@example.org', medium: 'email' },
      { ...owner, threepid: '4912345', medium: 'msisdn' },
    ]);
    const userOf = async (path: string): Promise<unknown> => jsonOf(await get(`threepid/${path}`)).user_id;
    expect(await userOf('email/users/bob%40example.org')).toBe(`@bob:${SERVER_NAME}`);
    expect(await userOf('email/users/BOB%40example.org')).toBe(`@bob:${SERVER_NAME}`);
    // Dendrite may have stored addresses in both spellings. The exact spelling has priority.
    expect(await userOf('email/users/Bob%40example.org')).toBe(`@carol:${SERVER_NAME}`);
    expect(await userOf('msisdn/users/4912345')).toBe(`@bob:${SERVER_NAME}`);
    expect(await outcome('threepid/email/users/4912345')).toEqual([404, 'M_NOT_FOUND']);
  });
});

describe('a search', () => {
  const names = async (query: string): Promise<unknown> => {
    const answer = await get(`search_users/@admin:${SERVER_NAME}?${query}`);
    return (JSON.parse(answer.text) as { name: string }[]).map(({ name }) => name.split(':')[0]);
  };

  it('finds all kinds of users by a part of their ids, and shows no password hash', async () => {
    expect(await names('term=KATE')).toEqual(['@kate', '@kate2', '@kate3']);
    expect(await names('term=gone')).toEqual(['@gone']);
    expect(await names('term=%25')).toEqual([]);
    expect(await names(`term=${SERVER_NAME}`)).toHaveLength(26);
    await db('public.userapi_accounts').where({ localpart: 'judy' }).update({ password_hash: '$2a$10$secret' });
    const { text } = await get(`search_users/@admin:${SERVER_NAME}?term=judy`);
    expect(JSON.parse(text)).toEqual([{ name: `@judy:${SERVER_NAME}`, is_guest: false, admin: true, user_type: null }]);
  });

  it('needs a local user and a term', async () => {
    expect(await outcome(`search_users/@admin:${SERVER_NAME}`)).toEqual([400, 'M_MISSING_PARAM']);
    expect(await outcome('search_users/@x:remote.example?term=x')).toEqual([400, 'M_INVALID_PARAM']);
    expect(await outcome('search_users/admin?term=x')).toEqual([400, 'M_INVALID_PARAM']);
  });
});
