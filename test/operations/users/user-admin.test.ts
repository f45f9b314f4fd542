import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAccount, addDevice, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { replaceUsers } from '../../support/recorded-users.ts';
import { changesOf } from '../../support/recordings.ts';

const id = (localpart: string): string => `@${localpart}:${SERVER_NAME}`;

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  await replaceUsers(db);
  await addAccount(db, { localpart: 'ruth', accountType: 1, deactivated: true });
  await addAccount(db, { localpart: 'bridge', accountType: 4, appserviceId: 'irc' });
  await addDevice(db, { accessToken: 'spelled-otherwise', localpart: 'ADMIN' });
});
afterAll(() => plugin.close());

const send = (userId: string, body?: unknown, token = 'token-of-admin'): Promise<Answer> =>
  plugin.request(`/_synapse/admin/v1/users/${encodeURIComponent(userId)}/admin`, {
    method: body === undefined ? 'GET' : 'PUT',
    headers: token === '' ? {} : bearer(token),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const typeOf = async (localpart: string): Promise<number> =>
  (await db('public.userapi_accounts').where({ localpart }).first()).account_type;

describe('answers as recorded', () => {
  it.each<[string, unknown, number, object]>([
    [id('admin'), undefined, 200, { admin: true }],
    [id('bob'), undefined, 200, { admin: false }],
    [id('ruth'), undefined, 200, { admin: false }],
    [id('bob'), { admin: true }, 200, {}],
    [id('bob'), undefined, 200, { admin: true }],
    [id('bob'), { admin: true }, 200, {}],
    [id('bob'), { admin: false }, 200, {}],
    [id('bob'), undefined, 200, { admin: false }],
    [id('admin'), { admin: true }, 200, {}],
    [id('admin'), { admin: false }, 400, { errcode: 'M_INVALID_PARAM', error: 'You may not demote yourself.' }],
    [id('bob'), {}, 400, { errcode: 'M_MISSING_PARAM' }],
    ['alice', { admin: true }, 400, { errcode: 'M_INVALID_PARAM' }],
    ['@alice', undefined, 400, { errcode: 'M_INVALID_PARAM' }],
    [`!x:${SERVER_NAME}`, { admin: true }, 400, { errcode: 'M_INVALID_PARAM' }],
    ...[undefined, { admin: true }].flatMap((body): [string, unknown, number, object][] => [
      [
        '@x:remote.example',
        body,
        400,
        { errcode: 'M_INVALID_PARAM', error: 'Only local users can be admins of this homeserver' },
      ],
      // Synapse answers with `{"admin": false}` or with `M_UNKNOWN`.
      [id('nobody'), body, 404, { errcode: 'M_NOT_FOUND', error: 'User not found' }],
      [id('ALICE'), body, 404, { errcode: 'M_NOT_FOUND', error: 'User not found' }],
    ]),
    // Synapse treats these values as `true` and `false`.
    [id('bob'), { admin: 'true' }, 400, { errcode: 'M_INVALID_PARAM' }],
    [id('bob'), { admin: null }, 400, { errcode: 'M_INVALID_PARAM' }],
    [id('bob'), { admin: 1 }, 400, { errcode: 'M_INVALID_PARAM' }],
    // In Synapse, guests can be administrators.
    [id('1'), { admin: true }, 400, { errcode: 'M_INVALID_PARAM', error: 'Guests can not be administrators' }],
    [id('1'), { admin: false }, 200, {}],
  ])('%s %j: %i', async (userId, body, status, answer) => {
    const got = await send(userId, body);
    expect([got.status, jsonOf(got)]).toEqual([status, status === 200 ? answer : expect.objectContaining(answer)]);
    expect(await typeOf('1')).toBe(2);
  });

  it.each([
    ['', 401, 'M_MISSING_TOKEN'],
    ['not-a-token', 401, 'M_UNKNOWN_TOKEN'],
    ['token-of-alice', 403, 'M_FORBIDDEN'],
  ])('is for administrators: token %j', async (token, status, errcode) => {
    for (const body of [undefined, { admin: true }]) {
      const answer = await send(id('alice'), body, token);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    }
    expect(await typeOf('alice')).toBe(1);
  });
});

it('takes effect at the next request', async () => {
  const asAlice = async (): Promise<number> => (await send(id('bob'), undefined, 'token-of-alice')).status;
  expect(await asAlice()).toBe(403);
  await send(id('alice'), { admin: true });
  expect(await asAlice()).toBe(200);
  await send(id('alice'), { admin: false });
  expect(await asAlice()).toBe(403);
});

it('changes only the account type, and restores the former one', async () => {
  for (const [localpart, former] of [
    ['bridge', 4],
    ['carol', 1],
  ] as const) {
    const changes = await changesOf(db, () => send(id(localpart), { admin: true }));
    expect(changes).toMatchObject({ userapi_accounts: { added: [{ localpart, account_type: 3 }] } });
    expect(Object.keys(changes)).toEqual(['userapi_accounts']);
    await send(id(localpart), { admin: false });
    expect(await typeOf(localpart)).toBe(former);
  }
});

it('no administrator can demote themselves under another spelling, but others can', async () => {
  expect((await send(id('admin'), { admin: false }, 'spelled-otherwise')).status).toBe(400);
  expect((await send(id('judy'), { admin: false })).status).toBe(200);
  expect(await typeOf('judy')).toBe(1);
  // The homeserver itself may demote any administrator if there is another one.
  const { setUserAdmin } = plugin.admin.operations;
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  await setUserAdmin({ userId: id('judy'), admin: true }, system);
  expect(await setUserAdmin({ userId: id('admin'), admin: false }, system)).toEqual({ admin: false });
  expect((await send(id('bob'))).status).toBe(403);
  await setUserAdmin({ userId: id('admin'), admin: true }, system);
  await setUserAdmin({ userId: id('judy'), admin: false }, system);
});

describe('the last administrator', () => {
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  const admins = async (): Promise<string[]> =>
    (await db('userapi_accounts').where({ account_type: 3 }).whereNot({ is_deactivated: true })).map(
      (row) => row.localpart,
    );

  it('cannot be demoted by anyone', async () => {
    const { setUserAdmin, deactivateUser, setUser } = plugin.admin.operations;
    await db('userapi_accounts')
      .whereNot({ localpart: 'admin' })
      .where({ account_type: 3 })
      .update({ account_type: 1 });
    const userId = id('admin') as never;
    const refused = { errcode: 'M_BAD_STATE', status: 409 };
    await expect(setUserAdmin({ userId, admin: false }, system)).rejects.toMatchObject(refused);
    await expect(deactivateUser({ userId }, system)).rejects.toMatchObject(refused);
    await expect(deactivateUser({ userId, dryRun: true }, system)).rejects.toMatchObject(refused);
    await expect(setUser({ userId, deactivated: true }, system)).rejects.toMatchObject(refused);
    await expect(setUser({ userId, admin: false }, system)).rejects.toMatchObject(refused);
    expect(await admins()).toEqual(['admin']);
  });

  it('stays an administrator if two administrators demote or deactivate each other at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      await db('userapi_accounts').where({ localpart: 'judy' }).update({ account_type: 3 });
      const answers = await Promise.allSettled([
        plugin.admin.operations.setUserAdmin({ userId: id('admin'), admin: false }, system),
        plugin.admin.operations.setUser({ userId: id('judy'), admin: false }, system),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await admins()).toHaveLength(1);
      await db('userapi_accounts').where({ localpart: 'admin' }).update({ account_type: 3 });
    }
  });

  it('is the last one who is neither locked nor suspended', async () => {
    await db('userapi_accounts').where({ localpart: 'judy' }).update({ account_type: 3 });
    await db('matrix_admin.account_restrictions').insert({
      user_id: id('judy'),
      restriction: 'locked',
      set_by: 'test',
    });
    const demotion = plugin.admin.operations.setUserAdmin({ userId: id('admin'), admin: false }, system);
    await expect(demotion).rejects.toMatchObject({ errcode: 'M_BAD_STATE' });
    await db('matrix_admin.account_restrictions').del();
    await db('userapi_accounts').where({ localpart: 'judy' }).update({ account_type: 1 });
  });
});

it('has an audit entry', async () => {
  await send(id('dave'), { admin: true });
  expect(await db('matrix_admin.audit').orderBy('id', 'desc').first()).toMatchObject({
    operation: 'setUserAdmin',
    actor: id('admin'),
    target: id('dave'),
    outcome: 'ok',
  });
});
