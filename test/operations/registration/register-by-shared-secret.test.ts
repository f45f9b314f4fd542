import { createHmac } from 'node:crypto';
import { compare } from '@node-rs/bcrypt';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { createAdminPlugin } from '../../../src/index.ts';
import { createSigningKey, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, recording } from '../../support/recordings.ts';

const PATH = '/_synapse/admin/v1/register';
const SECRET = 'secret';
const PASSWORD = 'correct horse battery';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: { appservices: [{ id: 'bridge', asToken: 'as', userNamespaces: [/^@bridge_/] }] },
    options: {
      registration: { sharedSecret: SECRET },
      serverNotices: { localpart: 'notices' },
      accounts: { bcryptCost: 4 },
    },
  });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const nonce = async (): Promise<string> => String(jsonOf(await plugin.request(PATH)).nonce);
const macOf = (...parts: string[]): string => createHmac('sha1', SECRET).update(parts.join('\0')).digest('hex');

interface Wanted {
  readonly nonce?: string;
  readonly username?: string;
  readonly password?: string;
  readonly admin?: boolean;
  readonly user_type?: string | null;
  readonly mac?: string;
  readonly [key: string]: unknown;
}

async function register(wanted: Wanted): Promise<Answer> {
  const { username = 'someone', password = PASSWORD, admin = false, user_type: type } = wanted;
  const given = wanted.nonce ?? (await nonce());
  const mac = macOf(given, username, password, admin ? 'admin' : 'notadmin', ...(type ? [type] : []));
  const body = { nonce: given, username, password, admin, mac, ...wanted };
  return plugin.request(PATH, { method: 'POST', body: JSON.stringify(body), headers: { 'User-Agent': 'node' } });
}

describe('registration by shared secret', () => {
  it('computes the same MACs as other servers', () => {
    expect(macOf('abc', 'alice', 'pw', 'admin')).toBe('dc5ed98b283077684552e3f72d67f26b3366bf58');
    expect(macOf('abc', 'bob', 'pw', 'notadmin', 'bot')).toBe('e825b511dceef6cf1faf4dcb2a6bc6e64ba37780');
  });

  it('writes what Dendrite writes', async () => {
    const recorded = recording('register');
    const changes = await changesOf(db, async () => {
      const answer = await register({ username: 'newbie' });
      expect([answer.status, jsonOf(answer)]).toEqual([
        200,
        {
          ...(recorded.body as object),
          access_token: expect.stringMatching(/^[\w-]{43}$/),
          home_server: 'localhost:18448',
        },
      ]);
    });
    const OWN = [
      'access_token',
      'created_ts',
      'last_seen_ts',
      'session_id',
      'ip',
      'password_hash',
      'ts_added_secs',
      'id',
    ];
    const comparable = (tables: typeof changes): unknown =>
      JSON.parse(JSON.stringify(tables, (key, value: unknown) => (OWN.includes(key) ? undefined : value)));
    const parsed = (tables: unknown): unknown =>
      JSON.parse(JSON.stringify(tables), (key, value: unknown) =>
        key === 'content' ? JSON.parse(String(value)) : value,
      );
    expect(parsed(comparable(changes))).toEqual(parsed(comparable(recorded.tables)));
    const account = await db('userapi_accounts').where({ localpart: 'newbie' }).first();
    expect(await compare(PASSWORD, account.password_hash)).toBe(true);
  });

  it('registers administrators and bots, with a display name, with capital letters, without a device', async () => {
    expect((await register({ username: 'Root2', admin: true, displayname: 'The Root' })).status).toBe(200);
    expect(await db('userapi_accounts').where({ localpart: 'root2' }).first()).toMatchObject({ account_type: 3 });
    expect(await db('userapi_profiles').where({ localpart: 'root2' }).first()).toMatchObject({
      display_name: 'The Root',
    });
    expect((await register({ username: 'robot', user_type: 'bot' })).status).toBe(200);
    const quiet = jsonOf(await register({ username: 'quiet', user_type: null, inhibit_login: true }));
    expect(quiet).toEqual({ user_id: '@quiet:localhost:18448', home_server: 'localhost:18448' });
    expect(await db('userapi_devices').where({ localpart: 'quiet' })).toEqual([]);
  });

  it.each<[string, Wanted, number, string]>([
    ['a MAC that is wrong', { mac: '0'.repeat(40) }, 403, 'M_FORBIDDEN'],
    ['a MAC that is none', { mac: 'nonsense' }, 403, 'M_FORBIDDEN'],
    ['a MAC that says otherwise', { admin: true, mac: macOf('x') }, 403, 'M_FORBIDDEN'],
    ['a nonce that it has not given', { nonce: 'abc' }, 400, 'M_UNKNOWN'],
    ['a nonce that is a number', { nonce: 5 as never }, 400, 'M_INVALID_PARAM'],
    ['a type of user that it does not know', { user_type: 'king' }, 400, 'M_INVALID_PARAM'],
    ['no name', { username: '' }, 400, 'M_INVALID_PARAM'],
    ['a name with other characters', { username: 'a b' }, 400, 'M_INVALID_USERNAME'],
    ['a name with a NUL', { username: 'a\0b' }, 400, 'M_INVALID_PARAM'],
    ['a name of the server', { username: '_server2' }, 400, 'M_INVALID_USERNAME'],
    ['a name of digits', { username: '12345' }, 400, 'M_INVALID_USERNAME'],
    ['a name that is too long', { username: 'x'.repeat(300) }, 400, 'M_BAD_JSON'],
    ['a name of an application service', { username: 'bridge_bob' }, 400, 'M_EXCLUSIVE'],
    ['the name of server notices', { username: 'Notices' }, 400, 'M_EXCLUSIVE'],
    ['a name that is taken', { username: 'ALICE' }, 400, 'M_USER_IN_USE'],
    ['no password', { password: '' }, 400, 'M_MISSING_PARAM'],
    ['a short password', { password: 'short' }, 400, 'M_WEAK_PASSWORD'],
    ['a password over 72 bytes', { password: 'x'.repeat(73) }, 400, 'M_INVALID_PARAM'],
  ])('refuses %s, and writes nothing', async (_title, wanted, status, errcode) => {
    const changes = await changesOf(db, async () => {
      const answer = await register(wanted);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    });
    expect(changes).toEqual({});
  });

  it('also uses up a nonce on a wrong MAC', async () => {
    const once = await nonce();
    expect((await register({ nonce: once, mac: '0'.repeat(40) })).status).toBe(403);
    expect((await register({ nonce: once })).status).toBe(400);
  });

  it('registers one account for a nonce that a hundred requests use at once, over two processes', async () => {
    const other = createAdminPlugin(
      { serverName: SERVER_NAME, db, signingKeys: [createSigningKey()] },
      { registration: { sharedSecret: SECRET }, accounts: { bcryptCost: 4 } },
    );
    const once = await nonce();
    const before = await db('userapi_accounts').count('*').first();
    const attempts = Array.from({ length: 100 }, (_, i) => {
      const username = `racer${i}`;
      const mac = macOf(once, username, PASSWORD, 'notadmin');
      if (i % 2 === 0) return register({ nonce: once, username, mac }).then(({ status }) => status === 200);
      const input = { nonce: once, username, password: PASSWORD, mac };
      return other.operations.registerBySharedSecret(input, { actor: { kind: 'system', name: 'test' } }).then(
        ({ userId }: { userId: UserId }) => userId.length > 0,
        () => false,
      );
    });
    expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
    expect(Number((await db('userapi_accounts').count('*').first())?.count)).toBe(Number(before?.count) + 1);
    await other.stop();
  });

  it('deletes nonces after a minute', async () => {
    const old = await nonce();
    await db('matrix_admin.registration_nonces')
      .where('nonce', old)
      .update({ expires_at: new Date(0) });
    expect((await register({ nonce: old })).status).toBe(400);
  });

  it('does not exist without a secret', async () => {
    const without = await mountPlugin({ database: plugin.database });
    expect((await without.request(PATH)).status).toBe(404);
    await without.close();
  });

  it('limits guesses at the secret', async () => {
    const limited = await mountPlugin({
      database: plugin.database,
      options: {
        registration: { sharedSecret: SECRET },
        limits: { failedAuthentications: { count: 2, windowMs: 60_000 } },
      },
    });
    const guess = async (): Promise<number> => {
      const { nonce: given } = jsonOf(await limited.request(PATH));
      const body = { nonce: given, username: 'guess', password: PASSWORD, mac: '0'.repeat(40) };
      return (await limited.request(PATH, { method: 'POST', body: JSON.stringify(body) })).status;
    };
    expect([await guess(), await guess(), await guess()]).toEqual([403, 403, 429]);
    await limited.close();
  });

  it('limits requests without a token by address, without effect on other addresses', async () => {
    const limited = await mountPlugin({
      database: plugin.database,
      proxy: true,
      options: {
        registration: { sharedSecret: SECRET, requiresToken: true },
        limits: { openRequests: { count: 3, windowMs: 60_000 } },
      },
    });
    const validity = '/_matrix/client/v1/register/m.login.registration_token/validity?token=guess';
    for (const [path, address] of [
      [PATH, '192.0.2.1'],
      [validity, '192.0.2.2'],
    ] as const) {
      const ask = async (from: string): Promise<number> =>
        (await limited.request(path, { headers: { 'X-Forwarded-For': from } })).status;
      expect([await ask(address), await ask(address), await ask(address), await ask(address)]).toEqual([
        200, 200, 200, 429,
      ]);
      expect(await ask('192.0.2.3')).toBe(200);
    }
    await limited.close();
  });

  it('stores the type of the registered user', async () => {
    await register({ username: 'helper', user_type: 'support' });
    const user = await plugin.asAdmin('/_synapse/admin/v2/users/@helper:localhost:18448');
    expect(jsonOf(user)['user_type']).toBe('support');
  });

  it('reveals no secret', async () => {
    const { rows } = await db.raw('SELECT a::text FROM matrix_admin.audit a');
    const said = JSON.stringify([rows, plugin.logger.lines]);
    expect(said).toContain('registerBySharedSecret');
    expect(said).not.toContain(PASSWORD);
    expect(said).not.toContain(macOf('x'));
  });
});
