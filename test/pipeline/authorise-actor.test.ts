import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../src/ids.ts';
import type { Actor } from '../../src/operations/actor.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import { addAccount, SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const ALICE = USERS.alice.user_id as UserId;
const BOB = USERS.bob.user_id as UserId;
const GONE = `@gone:${SERVER_NAME}` as UserId;
const GUEST = `@guest:${SERVER_NAME}` as UserId;
const NOBODY = `@nobody:${SERVER_NAME}` as UserId;
const user = (userId: UserId): Actor => ({ kind: 'user', userId });

const ONLY_ADMINS = { errcode: 'M_FORBIDDEN', message: 'This API can only be used by admin users.' };
const ONLY_SELF = { errcode: 'M_FORBIDDEN', message: 'userID does not match the current user', status: 403 };
const NO_GUESTS = { errcode: 'M_GUEST_ACCESS_FORBIDDEN', message: 'Guest access not allowed', status: 403 };

let plugin: MountedPlugin;
let db: Knex;
let operations: AdminPlugin['operations'];
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
  ({ db } = plugin.database);
  ({ operations } = plugin.admin);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
  await addAccount(db, { localpart: 'guest', accountType: 2 });
});
afterAll(() => plugin.close());

describe('an operation about users', () => {
  it('may be run by the users themselves, by administrators and by the homeserver', async () => {
    for (const actor of [user(ALICE), user(USERS.admin.user_id as UserId), { kind: 'system', name: 'test' } as const]) {
      expect(await operations.whois({ userId: ALICE }, { actor })).toMatchObject({ userId: ALICE });
    }
  });

  it.each([
    [ALICE, BOB, ONLY_SELF],
    [NOBODY, ALICE, ONLY_SELF],
    [NOBODY, NOBODY, ONLY_SELF],
    [GONE, GONE, ONLY_SELF],
    [GUEST, GUEST, NO_GUESTS],
  ])('may not be run by %s about %s', async (actor, userId, refusal) => {
    await expect(operations.whois({ userId }, { actor: user(actor) })).rejects.toMatchObject(refusal);
  });
});

it.each([
  [ALICE, ONLY_ADMINS],
  [NOBODY, ONLY_ADMINS],
  [GUEST, NO_GUESTS],
])('an operation for administrators may not be run by %s', async (actor, refusal) => {
  await expect(operations.listUsers({}, { actor: user(actor) })).rejects.toMatchObject(refusal);
});

it.each([ALICE, GUEST, NOBODY])('an open operation may be run by anybody: %s', async (actor) => {
  expect(await operations.serverVersion({}, { actor: user(actor) })).toHaveProperty('server_version');
});

describe('an administrator who is demoted while a password is hashed', () => {
  const demoted = `@demoted:${SERVER_NAME}` as UserId;
  const setPassword = (actor: Actor): Promise<unknown> =>
    operations.resetPassword({ userId: BOB, password: 'long enough' }, { actor });
  const hashOf = async (): Promise<unknown> =>
    (await db('userapi_accounts').where({ localpart: 'bob' }).first('password_hash')).password_hash;

  it('is refused although the account was looked up before, without effect', async () => {
    await addAccount(db, { localpart: 'demoted', accountType: 3 });
    const before = await hashOf();
    const off = plugin.admin.hooks.before('resetPassword', { name: 'demote' }, async () => {
      await db('userapi_accounts').where({ localpart: 'demoted' }).update({ account_type: 1 });
      return undefined;
    });
    for (const actor of [user(demoted), { ...user(demoted), accountType: 3 } as Actor]) {
      await db('userapi_accounts').where({ localpart: 'demoted' }).update({ account_type: 3 });
      await expect(setPassword(actor)).rejects.toMatchObject(ONLY_ADMINS);
    }
    off();
    expect(await hashOf()).toBe(before);
    await db('userapi_accounts').where({ localpart: 'demoted' }).update({ account_type: 3 });
    await setPassword(user(demoted));
    expect(await hashOf()).not.toBe(before);
  });
});
