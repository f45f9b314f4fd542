import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes.ts';
import { operationNamed } from '../../src/operations/operations.ts';
import { addAccount, addDevice, USERS } from '../support/dendrite-server.ts';
import { type Answer, exchange, jsonOf, parseAnswer } from '../support/http-client.ts';
import { bearer, MOUNTS, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const AUDIT = '/_dendrite/admin/audit';
const REINDEX = '/_dendrite/admin/fulltext/reindex';
const ADMIN = USERS.admin.access_token;

const MISSING = { errcode: 'M_MISSING_TOKEN', error: 'missing access token' };
const INVALID = { errcode: 'M_MISSING_TOKEN', error: 'invalid Authorization header' };
const MIXED = {
  errcode: 'M_MISSING_TOKEN',
  error: 'mixing Authorization headers and access_token query parameters',
};
const UNKNOWN = { errcode: 'M_UNKNOWN_TOKEN', error: 'Unknown token' };
const NOT_ADMIN = { errcode: 'M_FORBIDDEN', error: 'This API can only be used by admin users.' };
const GUEST = { errcode: 'M_GUEST_ACCESS_FORBIDDEN', error: 'Guest access not allowed' };
const NOT_ITS_USER = { errcode: 'M_FORBIDDEN', error: 'Forbidden: appservice has not registered this user' };

interface Case {
  readonly title: string;
  readonly authorization?: string;
  readonly query?: string;
  readonly status: number;
  readonly body?: Record<string, string>;
}

const CASES: readonly Case[] = [
  { title: 'no token', status: 401, body: MISSING },
  { title: 'an empty header', authorization: '', status: 401, body: MISSING },
  { title: 'an empty query token', query: 'access_token=', status: 401, body: MISSING },
  { title: 'a scheme in lower case', authorization: `bearer ${ADMIN}`, status: 401, body: INVALID },
  { title: 'a scheme in upper case', authorization: `BEARER ${ADMIN}`, status: 401, body: INVALID },
  { title: 'a scheme without a token', authorization: 'Bearer', status: 401, body: INVALID },
  { title: 'a scheme and a space', authorization: 'Bearer ', status: 401, body: INVALID },
  { title: 'a tab for a space', authorization: `Bearer\t${ADMIN}`, status: 401, body: INVALID },
  { title: 'another scheme', authorization: 'Basic YWRtaW46YWRtaW4=', status: 401, body: INVALID },
  { title: 'a token without a scheme', authorization: ADMIN, status: 401, body: INVALID },
  { title: 'two spaces', authorization: `Bearer  ${ADMIN}`, status: 401, body: UNKNOWN },
  { title: 'something after the token', authorization: `Bearer ${ADMIN} x`, status: 401, body: UNKNOWN },
  {
    title: 'a header and a query token',
    authorization: `Bearer ${ADMIN}`,
    query: `access_token=${ADMIN}`,
    status: 401,
    body: MIXED,
  },
  {
    title: 'a bad header and a query token',
    authorization: 'Basic x',
    query: `access_token=${ADMIN}`,
    status: 401,
    body: MIXED,
  },
  { title: 'a header and an empty query token', authorization: `Bearer ${ADMIN}`, query: 'access_token=', status: 200 },
  { title: 'an unknown token', authorization: 'Bearer nobody', status: 401, body: UNKNOWN },
  { title: 'a token in other case', authorization: `Bearer ${ADMIN.toLowerCase()}`, status: 401, body: UNKNOWN },
  { title: 'a token with a NUL', query: `access_token=${ADMIN}%00`, status: 401, body: UNKNOWN },
  { title: 'an emoji', query: `access_token=${encodeURIComponent('🔑')}`, status: 401, body: UNKNOWN },
  { title: 'half an emoji', query: 'access_token=%ED%A0%BD', status: 401, body: UNKNOWN },
  { title: 'a bad percent escape', query: 'access_token=%zz%', status: 401, body: UNKNOWN },
  { title: 'raw bytes', authorization: 'Bearer \xe9\xff', status: 401, body: UNKNOWN },
  { title: 'SQL', authorization: "Bearer ' OR '1'='1", status: 401, body: UNKNOWN },
  { title: 'a question mark', authorization: 'Bearer ? :token ??', status: 401, body: UNKNOWN },
  { title: 'a token of 10 kB', authorization: `Bearer ${'x'.repeat(10_000)}`, status: 401, body: UNKNOWN },
  { title: 'a user', authorization: `Bearer ${USERS.alice.access_token}`, status: 403, body: NOT_ADMIN },
  { title: 'a user by query', query: `access_token=${USERS.alice.access_token}`, status: 403, body: NOT_ADMIN },
  {
    title: 'a user who says to be the admin',
    query: `access_token=${USERS.alice.access_token}&user_id=${encodeURIComponent(USERS.admin.user_id)}`,
    status: 403,
    body: NOT_ADMIN,
  },
  { title: 'a guest', authorization: 'Bearer guest-token', status: 403, body: GUEST },
  {
    title: 'the account of an application service',
    authorization: 'Bearer bridge-device-token',
    status: 403,
    body: NOT_ADMIN,
  },
  { title: 'an account of type 0', authorization: 'Bearer zero-token', status: 403, body: NOT_ADMIN },
  { title: 'a device without an account', authorization: 'Bearer orphan-token', status: 401, body: UNKNOWN },
  { title: 'a deactivated admin', authorization: 'Bearer deactivated-token', status: 401, body: UNKNOWN },
  { title: 'an as_token alone', authorization: 'Bearer as-token', status: 401, body: UNKNOWN },
  {
    title: 'an as_token and an empty user_id',
    authorization: 'Bearer as-token',
    query: 'user_id=',
    status: 401,
    body: UNKNOWN,
  },
  {
    title: 'two query tokens, the first one good',
    query: `access_token=${ADMIN}&access_token=nobody`,
    status: 401,
    body: { errcode: 'M_MISSING_TOKEN', error: 'there is more than one access token in the request' },
  },
  {
    title: 'an appservice as its user',
    authorization: 'Bearer as-token',
    query: 'user_id=@bridge_1:localhost:18448',
    status: 403,
    body: NOT_ADMIN,
  },
  {
    title: 'an appservice as a user that it registered',
    authorization: 'Bearer as-token',
    query: 'user_id=@registered:localhost:18448',
    status: 403,
    body: NOT_ADMIN,
  },
  {
    title: 'an appservice as an admin of its namespace',
    query: 'access_token=as-token&user_id=@bridge_admin:localhost:18448',
    status: 403,
    body: NOT_ADMIN,
  },
  {
    title: "an appservice as somebody else's user",
    authorization: 'Bearer as-token',
    query: `user_id=${encodeURIComponent(USERS.admin.user_id)}`,
    status: 403,
    body: NOT_ITS_USER,
  },
  {
    title: 'an appservice as a user who is not there',
    authorization: 'Bearer as-token',
    query: 'user_id=@bridge_none:localhost:18448',
    status: 403,
    body: NOT_ITS_USER,
  },
  {
    title: 'an appservice as a user without a name, whom its namespace has',
    authorization: 'Bearer as-token',
    query: 'user_id=@:localhost:18448',
    status: 403,
    body: NOT_ITS_USER,
  },
  {
    title: 'an appservice as no user id',
    authorization: 'Bearer as-token',
    query: 'user_id=bridge',
    status: 401,
    body: UNKNOWN,
  },
  {
    title: 'an appservice and a NUL',
    authorization: 'Bearer as-token',
    query: 'user_id=@bridge_%00:localhost:18448',
    status: 401,
    body: UNKNOWN,
  },
  {
    title: 'the admin with a user_id',
    authorization: `Bearer ${ADMIN}`,
    query: 'user_id=@bridge_1:localhost:18448',
    status: 200,
  },
  { title: 'the admin', authorization: `Bearer ${ADMIN}`, status: 200 },
  { title: 'the admin by query', query: `access_token=${ADMIN}`, status: 200 },
  { title: 'an admin of a virtual host', authorization: 'Bearer virtual-token', status: 200 },
  { title: 'an admin whose device spells the name otherwise', authorization: 'Bearer spelling-token', status: 200 },
];

async function addPeople({ database: { db } }: MountedPlugin): Promise<void> {
  const people = [
    { localpart: 'guest', accountType: 2, accessToken: 'guest-token' },
    { localpart: 'bridge', accountType: 4, accessToken: 'bridge-device-token' },
    { localpart: 'zero', accountType: 0, accessToken: 'zero-token' },
    { localpart: 'deactivated', accountType: 3, deactivated: true, accessToken: 'deactivated-token' },
    { localpart: 'virtual', accountType: 3, serverName: 'virtual.example', accessToken: 'virtual-token' },
    { localpart: 'bridge_1', accountType: 1, accessToken: 'unused 1' },
    { localpart: 'bridge_admin', accountType: 3, accessToken: 'unused 2' },
    { localpart: '', accountType: 1, accessToken: 'unused 4' },
    { localpart: 'registered', accountType: 1, appserviceId: 'bridge', accessToken: 'unused 3' },
  ];
  for (const { accessToken, ...account } of people) {
    await addAccount(db, account);
    await addDevice(db, { accessToken, ...account });
  }
  await addDevice(db, { accessToken: 'orphan-token', localpart: 'nobody' });
  // This device has the localpart of the virtual host's administrator, but the main server name. That name has no such account.
  await addDevice(db, { accessToken: 'elsewhere-token', localpart: 'virtual' });
  await addDevice(db, { accessToken: 'spelling-token', localpart: 'ADMIN' });
}

const ask = (plugin: MountedPlugin, { authorization, query }: Case): Promise<Answer> =>
  plugin.request(query === undefined ? AUDIT : `${AUDIT}?${query}`, {
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });

describe.each(MOUNTS)('access $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({
      mount,
      host: {
        appservices: [
          { id: 'bridge', asToken: 'as-token', userNamespaces: [/^@other_/, /^@(bridge_.*)?:localhost:18448$/g] },
        ],
      },
    });
    await addPeople(plugin);
  });
  afterAll(() => plugin.close());

  it.each(CASES)('by $title is answered $status', async (access) => {
    // Ask twice, because regular expressions and prepared statements may keep state between two requests.
    for (const answer of [await ask(plugin, access), await ask(plugin, access)]) {
      expect(answer.status).toBe(access.status);
      expect(jsonOf(answer)).toEqual(access.body ?? { entries: [] });
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.headers['access-control-allow-origin']).toBe('*');
    }
  });

  it("by a device with the same name on another server name has no rights of the virtual host's admin", async () => {
    expect((await plugin.request(AUDIT, { headers: bearer('elsewhere-token') })).status).toBe(401);
  });

  it('with two Authorization headers is refused', async () => {
    const good = `Authorization: Bearer ${USERS.admin.access_token}\r\n`;
    const head = `GET ${mount.prefix}${AUDIT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    expect(parseAnswer(await exchange(plugin.origin, `${head}${good}\r\n`)).status).toBe(200);
    expect(parseAnswer(await exchange(plugin.origin, `${head}${good}${good}\r\n`)).status).toBe(401);
  });

  it('by an appservice that acts as an administrator gives no access to other users', async () => {
    const whois = `/_matrix/client/v3/admin/whois/${USERS.alice.user_id}`;
    const as = '?user_id=@bridge_admin:localhost:18448';
    const answer = await plugin.request(whois + as, { headers: bearer('as-token') });
    expect(answer.status).toBe(403);
    const own = '/_matrix/client/v3/admin/whois/@bridge_admin:localhost:18448';
    expect((await plugin.request(own + as, { headers: bearer('as-token') })).status).toBe(200);
  });

  it('without a token works only on routes that need none', async () => {
    for (const { method, path, operation, openTo } of ROUTES) {
      const { access: declared } = operationNamed(operation);
      expect([path, openTo !== undefined]).toEqual([path, declared === 'open']);
      const answer = await plugin.request(path.replaceAll(/:\w+/g, 'x'), { method });
      if (declared !== 'open' && answer.status !== 404) expect([path, answer.status]).toEqual([path, 401]);
      if (declared === 'open') expect([path, answer.status]).not.toEqual([path, 401]);
    }
  });

  it('with a token of 100 kB is refused cleanly', async () => {
    const answer = await plugin.request(`${AUDIT}?access_token=${'x'.repeat(100_000)}`);
    expect(answer.status).toBe(401);
  });

  it('is refused before its parameters are read', async () => {
    const before = await countRows(plugin);
    const bad = { method: 'POST', headers: bearer(USERS.alice.access_token), body: '{"broken' };
    const answers = [
      await plugin.request(REINDEX, bad),
      await plugin.request('/_dendrite/admin/jobs/%00/cancel', bad),
      await plugin.request(`${AUDIT}?limit=none&from=none`, { headers: bad.headers }),
      await plugin.request(REINDEX, { headers: bad.headers }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(jsonOf(answer)).toEqual(NOT_ADMIN);
    }
    expect((await plugin.request(REINDEX, { method: 'POST', body: '[' })).status).toBe(401);
    expect(await countRows(plugin)).toEqual(before);
  });

  it('is counted by reason if refused, and does not reach the host', async () => {
    const failures = (reason: string): Promise<number> => plugin.metric('matrix_admin_auth_failures_total', { reason });
    const reasons = ['missing_token', 'unknown_token', 'guest', 'not_admin'];
    const before = await Promise.all(reasons.map(failures));
    await plugin.request(AUDIT);
    await plugin.request(AUDIT, { headers: bearer('nobody') });
    await plugin.request(AUDIT, { headers: bearer('guest-token') });
    await plugin.request(AUDIT, { headers: bearer(USERS.bob.access_token) });
    await plugin.asAdmin(AUDIT);
    const after = await Promise.all(reasons.map(failures));
    expect(after.map((value, at) => value - (before[at] ?? 0))).toEqual([1, 1, 1, 1]);
    expect(plugin.appErrors).toEqual([]);
  });
});

async function countRows({ database: { db } }: MountedPlugin): Promise<unknown> {
  const { rows } = await db.raw(
    `SELECT (SELECT count(*) FROM matrix_admin.jobs) AS jobs, (SELECT count(*) FROM matrix_admin.audit) AS audit,
       (SELECT count(*) FROM matrix_admin.rate_limits) AS rate_limits`,
  );
  return rows;
}
