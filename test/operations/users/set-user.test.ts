import { compare } from '@node-rs/bcrypt';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { addAccount, addDevice, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { replaceUsers } from '../../support/recorded-users.ts';
import { changesOf } from '../../support/recordings.ts';

const VIRTUAL = 'virtual.example';
const id = (localpart: string): UserId => `@${localpart}:${SERVER_NAME}` as UserId;
const email = (address: string): object => ({ medium: 'email', address });

const dropped: string[] = [];
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: {
      virtualHosts: [VIRTUAL as never],
      appservices: [{ id: 'irc', asToken: 'as', userNamespaces: [/^@irc_/] }],
      caches: { dropRooms: () => {}, dropUsers: (users) => void dropped.push(...users) },
    },
    options: { accounts: { bcryptCost: 4 }, serverNotices: { localpart: 'notices' } },
  });
  ({ db } = plugin.database);
  await replaceUsers(db);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());

const send = (userId: string, body?: unknown, token = 'token-of-admin'): Promise<Answer> =>
  plugin.request(`/_synapse/admin/v2/users/${encodeURIComponent(userId)}`, {
    method: body === undefined ? 'GET' : 'PUT',
    headers: token === '' ? {} : bearer(token),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const put = async (userId: string, body: unknown, status = 200): Promise<Record<string, unknown>> => {
  const answer = await send(userId, body);
  expect(answer.status, answer.text).toBe(status);
  const user = jsonOf(answer);
  expect(jsonOf(await send(userId)), 'what the answer says is what there is').toEqual(user);
  return user;
};
const account = (localpart: string, serverName: string = SERVER_NAME): Promise<Record<string, string>> =>
  db('public.userapi_accounts').where({ localpart, server_name: serverName }).first();
const devices = (localpart: string): Promise<unknown[]> => db('public.userapi_devices').where({ localpart });

/** Synapse's answer for a user about whom nothing else is known. */
const NOBODY = {
  admin: false,
  deactivated: false,
  locked: false,
  shadow_banned: false,
  creation_ts: expect.any(Number),
  appservice_id: null,
  consent_server_notice_sent: null,
  consent_version: null,
  consent_ts: null,
  user_type: null,
  is_guest: false,
  suspended: false,
  avatar_url: null,
  threepids: [],
  external_ids: [],
  erased: false,
  last_seen_ts: null,
  media_count: 0,
  media_length: 0,
};

describe('GET', () => {
  it('has the same fields as Synapse, with the time of creation in seconds', async () => {
    expect(jsonOf(await send(id('bob')))).toEqual({
      ...NOBODY,
      name: id('bob'),
      creation_ts: 1_795_425_814,
      displayname: 'Bob Builder',
      avatar_url: 'mxc://localhost/avatarbob',
      last_seen_ts: 1_795_425_836_854,
    });
    const unquoted = await plugin.request(`/_synapse/admin/v2/users/${id('bob')}`, {
      headers: bearer('token-of-admin'),
    });
    expect(jsonOf(unquoted)).toMatchObject({ displayname: 'Bob Builder' });
  });

  it.each([
    ['admin', { admin: true, displayname: 'admin' }],
    ['1', { is_guest: true, displayname: '1' }],
    ['robot', { user_type: 'bot', last_seen_ts: null }],
    ['kate2', { displayname: null }],
  ])('%s', async (localpart, expected) => {
    expect(jsonOf(await send(id(localpart)))).toMatchObject(expected);
  });

  it.each<[string, number, string]>([
    [id('nobody'), 404, 'M_NOT_FOUND'],
    [id('ALICE'), 404, 'M_NOT_FOUND'],
    ['@x:remote.example', 400, 'M_INVALID_PARAM'],
    ['alice', 400, 'M_INVALID_PARAM'],
    ['@alice', 400, 'M_INVALID_PARAM'],
    [`!x:${SERVER_NAME}`, 400, 'M_INVALID_PARAM'],
  ])('for %s answers %i', async (userId, status, errcode) => {
    const answer = await send(userId);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  });
});

it.each([
  ['', 401, 'M_MISSING_TOKEN'],
  ['not-a-token', 401, 'M_UNKNOWN_TOKEN'],
  ['token-of-alice', 403, 'M_FORBIDDEN'],
])('is for administrators: token %j', async (token, status, errcode) => {
  for (const body of [undefined, { displayname: 'x' }]) {
    const answer = await send(id('bob'), body, token);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  }
});

describe('PUT creates', () => {
  it('a user from an empty body, who cannot log in', async () => {
    const user = await put(id('pat'), {}, 201);
    expect(user).toEqual({ ...NOBODY, name: id('pat'), displayname: 'pat' });
    expect(await account('pat')).toMatchObject({ password_hash: '', account_type: 1 });
    expect(await db('public.userapi_account_datas').where({ localpart: 'pat' })).toMatchObject([
      { type: 'm.push_rules' },
    ]);
  });

  it('a user with all fields', async () => {
    const user = await put(
      id('quinn'),
      {
        password: 'pw-quinn',
        displayname: 'Quinn Q',
        admin: true,
        threepids: [email('Quinn@Example.org'), { medium: 'msisdn', address: '447470274584' }],
        external_ids: [],
        avatar_url: 'mxc://localhost:38448/av',
        user_type: 'bot',
        locked: false,
        suspended: false,
      },
      201,
    );
    expect(user).toEqual({
      ...NOBODY,
      name: id('quinn'),
      admin: true,
      displayname: 'Quinn Q',
      avatar_url: 'mxc://localhost:38448/av',
      user_type: 'bot',
      threepids: [
        { medium: 'email', address: 'quinn@example.org', validated_at: null, added_at: null },
        { medium: 'msisdn', address: '447470274584', validated_at: null, added_at: null },
      ],
    });
    expect(await compare('pw-quinn', (await account('quinn')).password_hash ?? '')).toBe(true);
    await addDevice(db, { accessToken: 'token-of-quinn', localpart: 'quinn' });
    expect((await send(id('bob'), undefined, 'token-of-quinn')).status).toBe(200);
  });

  it('deactivated, locked and suspended users, and some of virtual hosts', async () => {
    expect(await put(id('ruth'), { deactivated: true, displayname: 'Ruth' }, 201)).toMatchObject({
      deactivated: true,
      displayname: 'Ruth',
    });
    expect(await put(id('locked'), { locked: true, suspended: true }, 201)).toMatchObject({
      locked: true,
      suspended: true,
    });
    expect(await put(`@pat:${VIRTUAL}`, { password: 'pw-pat-virtual' }, 201)).toMatchObject({ displayname: 'pat' });
    expect((await account('pat', VIRTUAL)).password_hash).not.toBe((await account('pat')).password_hash);
  });

  it.each<[string, unknown, string]>([
    [id('PatUpper'), { password: 'pw-patpat' }, 'M_INVALID_USERNAME'],
    [id('_appuser'), {}, 'M_INVALID_USERNAME'],
    [id('irc_bob'), {}, 'M_EXCLUSIVE'],
    [id('notices'), {}, 'M_EXCLUSIVE'],
    [id('4711'), {}, 'M_INVALID_USERNAME'],
    [id('bad name'), {}, 'M_INVALID_PARAM'],
    ['@x:remote.example', { displayname: 'x' }, 'M_INVALID_PARAM'],
    ['alice', { displayname: 'x' }, 'M_INVALID_PARAM'],
    ['@alice', { displayname: 'x' }, 'M_INVALID_PARAM'],
    [`!x:${SERVER_NAME}`, { displayname: 'x' }, 'M_INVALID_PARAM'],
    [id('new'), { password: 'pw-ruth2', deactivated: true }, 'M_INVALID_PARAM'],
    [id('new'), { password: 'short' }, 'M_WEAK_PASSWORD'],
    [id('new'), { admin: true, locked: true }, 'M_FORBIDDEN'],
  ])('no %s from %j', async (userId, body, errcode) => {
    const before = await db('public.userapi_accounts');
    const answer = await send(userId, body);
    expect([[400, 403].includes(answer.status), jsonOf(answer).errcode]).toEqual([true, errcode]);
    expect(await db('public.userapi_accounts')).toEqual(before);
  });

  it('one user for many concurrent requests', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(id('raced'), {})));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1);
    for (const { status } of answers) expect([200, 201, 400]).toContain(status);
  });
});

describe('PUT changes', () => {
  it('nothing for an empty body', async () => {
    for (const body of [{}, '', { creation_ts: 1 }, { approved: true }, { external_ids: [], shadow_banned: false }]) {
      const changes = await changesOf(db, async () => {
        expect(await put(id('bob'), body)).toMatchObject({ displayname: 'Bob Builder' });
      });
      expect(changes).toEqual({});
    }
  });

  it('nothing if a client sends back the answer', async () => {
    for (const name of ['bob', 'admin', '1', 'robot', 'quinn', 'gone', 'locked']) {
      const user = jsonOf(await send(id(name)));
      // Web consoles leave out fields that are `null`, except the type.
      const { user_type, ...rest } = user;
      const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
      const changes = await changesOf(db, () =>
        put(id(name), { ...known, user_type, id: user.name, avatar_src: null }),
      );
      expect(changes, name).toEqual({});
    }
  });

  it.each<[string, object, object]>([
    ['bob', { displayname: 'Bob by admin' }, { displayname: 'Bob by admin', avatar_url: 'mxc://localhost/avatarbob' }],
    ['bob', { displayname: '' }, { displayname: null }],
    ['bob', { displayname: 'd'.repeat(256) }, { displayname: 'd'.repeat(256) }],
    ['bob', { displayname: 'Bob Builder' }, { displayname: 'Bob Builder' }],
    ['bob', { avatar_url: 'mxc://a/b' }, { avatar_url: 'mxc://a/b', displayname: 'Bob Builder' }],
    ['bob', { avatar_url: '' }, { avatar_url: null }],
    ['carol', { admin: true }, { admin: true }],
    ['carol', { displayname: 'Carol' }, { admin: true, displayname: 'Carol' }],
    ['carol', { admin: false }, { admin: false }],
    ['carol', { user_type: 'bot' }, { user_type: 'bot' }],
    ['carol', { user_type: null }, { user_type: null }],
    ['carol', { threepids: [email('Carol@Example.org')] }, { threepids: [{ address: 'carol@example.org' }] }],
    ['carol', { threepids: [email('carol2@example.org')] }, { threepids: [{ address: 'carol2@example.org' }] }],
    ['dave', { threepids: [email('carol2@example.org')] }, { threepids: [{ address: 'carol2@example.org' }] }],
    ['carol', {}, { threepids: [] }],
    ['dave', { displayname: 'Dave' }, { threepids: [{ address: 'carol2@example.org' }] }],
    ['dave', { threepids: [] }, { threepids: [] }],
    ['dave', { threepids: [email('d@e.f'), email('D@E.F')] }, { threepids: [{ address: 'd@e.f' }] }],
    ['frank', { locked: true }, { locked: true, suspended: false }],
    ['frank', { locked: false, suspended: true }, { locked: false, suspended: true }],
    ['frank', { suspended: false }, { suspended: false }],
    ['frank', { deactivated: false }, { deactivated: false }],
    ['judy', { admin: false, locked: true }, { admin: false, locked: true }],
    ['gone', { displayname: 'zombie' }, { deactivated: true, displayname: 'zombie' }],
    ['gone', { admin: true, deactivated: true }, { deactivated: true, admin: true }],
  ])('%s: %j', async (localpart, body, expected) => {
    const user = await put(id(localpart), body);
    expect(user).toMatchObject(expected);
    expect(dropped).toContain(id(localpart));
  });

  it.each<[string, object, string, string?]>([
    ['bob', { displayname: null }, 'M_INVALID_PARAM'],
    ['bob', { displayname: 5 }, 'M_INVALID_PARAM'],
    ['bob', { displayname: 'd'.repeat(257) }, 'M_INVALID_PARAM'],
    ['bob', { avatar_url: 5 }, 'M_INVALID_PARAM'],
    ['bob', { avatar_url: 'https://example.org/a.png' }, 'M_INVALID_PARAM'],
    ['bob', { admin: 'true' }, 'M_INVALID_PARAM'],
    ['bob', { admin: null }, 'M_INVALID_PARAM'],
    ['admin', { admin: false }, 'M_INVALID_PARAM', 'You may not demote yourself.'],
    ['1', { admin: true }, 'M_INVALID_PARAM'],
    ['bob', { user_type: 'alien' }, 'M_INVALID_PARAM'],
    ['bob', { threepids: [{ medium: 'email' }] }, 'M_MISSING_PARAM'],
    ['bob', { threepids: 'x' }, 'M_INVALID_PARAM'],
    ['bob', { threepids: [{ medium: 'pigeon', address: 'x' }] }, 'M_INVALID_PARAM'],
    ['bob', { threepids: [email('x')] }, 'M_INVALID_PARAM'],
    ['bob', { threepids: [{ medium: 'msisdn', address: '+44' }] }, 'M_INVALID_PARAM'],
    ['bob', { external_ids: [{ auth_provider: 'sso', external_id: 'd1' }] }, 'M_INVALID_PARAM'],
    ['bob', { approved: false }, 'M_INVALID_PARAM'],
    ['frank', { password: 'pw-frank2', logout_devices: 'no' }, 'M_INVALID_PARAM'],
    ['frank', { password: 5 }, 'M_INVALID_PARAM'],
    ['frank', { password: '' }, 'M_MISSING_PARAM'],
    ['frank', { password: 'p'.repeat(513) }, 'M_BAD_JSON'],
    ['frank', { locked: 'x' }, 'M_INVALID_PARAM'],
    ['frank', { deactivated: 'true' }, 'M_INVALID_PARAM'],
    ['frank', { deactivated: true, password: 'pw-frank2' }, 'M_INVALID_PARAM'],
    ['frank', { deactivated: true, locked: true }, 'M_INVALID_PARAM'],
    ['frank', { deactivated: true, shadow_banned: true }, 'M_INVALID_PARAM'],
    ['admin', { displayname: 'x', shadow_banned: true }, 'M_FORBIDDEN'],
    ['gone', { password: 'pw-gone-again' }, 'M_INVALID_PARAM'],
    ['gone', { threepids: [email('g@e.f')] }, 'M_INVALID_PARAM'],
    ['gone', { deactivated: false }, 'M_INVALID_PARAM', 'Must provide a password to re-activate an account.'],
    ['admin', { displayname: 'x', locked: true }, 'M_FORBIDDEN'],
    ['quinn', { displayname: 'x', threepids: [], user_type: null, suspended: true }, 'M_FORBIDDEN'],
  ])('nothing in %s if it refuses %j', async (localpart, body, errcode, text) => {
    const before = jsonOf(await send(id(localpart)));
    const answer = await send(id(localpart), { password: undefined, ...body });
    expect([[400, 403].includes(answer.status), jsonOf(answer).errcode]).toEqual([true, errcode]);
    if (text !== undefined) expect(jsonOf(answer).error).toBe(text);
    expect(jsonOf(await send(id(localpart)))).toEqual(before);
  });

  it('changes the password, and ends all sessions by default', async () => {
    await put(id('erin'), { password: 'pw-erin-2', logout_devices: false });
    expect(await compare('pw-erin-2', (await account('erin')).password_hash ?? '')).toBe(true);
    expect(await devices('erin')).toHaveLength(1);
    await put(id('erin'), { password: 'pw-erin-3' });
    expect(await compare('pw-erin-3', (await account('erin')).password_hash ?? '')).toBe(true);
    expect(await devices('erin')).toEqual([]);
    const { password_hash: hash } = await account('erin');
    await put(id('erin'), { password: null, logout_devices: true });
    expect((await account('erin')).password_hash).toBe(hash);
  });

  it('a locked user at once, despite caches', async () => {
    const { check } = plugin.admin.accounts;
    expect((await check(id('grace'))).locked).toBe(false);
    await put(id('grace'), { locked: true });
    expect((await check(id('grace'))).locked).toBe(true);
    await put(id('grace'), { locked: false });
  });
});

describe('PUT deactivated', () => {
  const jobs = (userId: string): Promise<{ id: string; state: string }[]> =>
    db('matrix_admin.jobs').where('kind', 'deactivateUser').whereRaw(`input->>'userId' = ?`, [userId]);

  it('true deactivates once, like the other route', async () => {
    await put(id('heidi'), { threepids: [email('heidi@example.org')] });
    const heidi = jsonOf(await send(id('heidi')));
    const user = await put(id('heidi'), { ...heidi, deactivated: true, avatar_url: 'mxc://a/b' });
    expect(user).toMatchObject({ deactivated: true, threepids: [], last_seen_ts: null, avatar_url: 'mxc://a/b' });
    expect(await devices('heidi')).toEqual([]);
    expect((await account('heidi')).password_hash).toBe('');
    await put(id('heidi'), { deactivated: true });
    expect(await jobs(id('heidi'))).toHaveLength(1);
    const [entry] = await db('matrix_admin.audit')
      .where({ target: id('heidi') })
      .whereNotNull('job_id');
    expect(entry).toMatchObject({ operation: 'setUser', job_id: (await jobs(id('heidi')))[0]?.id });
    await expect.poll(async () => (await jobs(id('heidi')))[0]?.state, { timeout: 10_000 }).toBe('succeeded');
  });

  it('false needs a new password, and resets the erasure', async () => {
    await db('matrix_admin.account_attributes')
      .insert({ user_id: id('heidi'), erased_by: 'x', erased_at: new Date() })
      .onConflict('user_id')
      .merge();
    expect(jsonOf(await send(id('heidi')))).toMatchObject({ erased: true });
    const user = await put(id('heidi'), { deactivated: false, password: 'pw-heidi-2' });
    expect(user).toMatchObject({ deactivated: false, erased: false });
    expect(await compare('pw-heidi-2', (await account('heidi')).password_hash ?? '')).toBe(true);
  });

  it('false waits until the rooms are left', async () => {
    const [running] = await db('matrix_admin.jobs')
      .insert({
        kind: 'of another process',
        dedupe_key: `deactivateUser ${id('gone')} true`,
        input: {},
        created_by: 'test',
        request_id: 'x',
      })
      .returning('id');
    const answer = await send(id('gone'), { deactivated: false, password: 'pw-gone-again' });
    expect([answer.status, jsonOf(answer)]).toEqual([
      409,
      { errcode: 'M_BAD_STATE', error: 'The user is still leaving rooms', job_id: running.id },
    ]);
    expect(await account('gone')).toMatchObject({ is_deactivated: true, password_hash: null });
    await db('matrix_admin.jobs').where('id', running.id).delete();
    await put(id('gone'), { deactivated: false, password: 'pw-gone-again' });
  });
});

it('in-process, with hooks and the audit, and no password anywhere', async () => {
  const { setUser } = plugin.admin.operations;
  const { deny } = await import('../../../src/index.ts');
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  const off = plugin.admin.hooks.before('setUser', { name: 'test' }, () => deny('M_FORBIDDEN', 'no new users'));
  await expect(setUser({ userId: id('sam') }, system)).rejects.toMatchObject({ message: 'no new users' });
  off();
  for (const operation of ['deactivateUser', 'evacuateUser'] as const) {
    const hold = plugin.admin.hooks.before(operation, { name: 'test' }, () => deny('M_FORBIDDEN', 'legal hold'));
    await expect(setUser({ userId: id('ivan'), deactivated: true }, system)).rejects.toMatchObject({
      message: 'legal hold',
    });
    hold();
  }
  expect(await setUser({ userId: id('sam'), password: 'pw-of-sam-1' }, system)).toMatchObject({
    created: true,
    user: { userId: id('sam'), displayName: 'sam' },
  });
  const said = JSON.stringify([await db('matrix_admin.audit'), await db('matrix_admin.jobs'), plugin.logger.lines]);
  expect(said).toContain(id('sam'));
  for (const password of ['pw-of-sam', 'pw-heidi', 'pw-erin', 'pw-quinn']) expect(said).not.toContain(password);
});

describe('third-party identifiers', () => {
  it('can be exchanged between users by two concurrent requests', async () => {
    const give = async (localpart: string, address: string): Promise<number> =>
      (await send(id(localpart), { threepids: [email(address)] })).status;
    for (let round = 0; round < 10; round += 1) {
      const [ours, theirs] = round % 2 === 0 ? (['x@e.f', 'y@e.f'] as const) : (['y@e.f', 'x@e.f'] as const);
      expect(await Promise.all([give('carol', ours), give('dave', theirs)])).toEqual([200, 200]);
    }
    await Promise.all(['carol', 'dave'].map((localpart) => put(id(localpart), { threepids: [] })));
  });
});
