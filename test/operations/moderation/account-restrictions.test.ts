import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { addDevice, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { mountForStandings } from '../../support/standing-tests.ts';

const { admin, alice, bob } = USERS;
const SYNAPSE = '/_synapse/admin/v1/suspend';
const ROOT = '@root:localhost:18448';
const KINDS = [
  { path: '/_matrix/client/v1/admin/suspend', field: 'suspended' },
  { path: '/_matrix/client/v1/admin/lock', field: 'locked' },
  { path: '/_matrix/client/unstable/uk.timedout.msc4323/admin/suspend', field: 'suspended' },
  { path: '/_matrix/client/unstable/uk.timedout.msc4323/admin/lock', field: 'locked' },
] as const;

const changed: string[] = [];
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountForStandings(changed);
  ({ db } = plugin.database);
  await addDevice(db, { accessToken: 'spelled-otherwise', localpart: 'ALICE' });
});
afterAll(() => plugin.close());
beforeEach(() => {
  changed.length = 0;
});

const get = (path: string, userId: string, token = admin.access_token): Promise<Answer> =>
  plugin.request(`${path}/${encodeURIComponent(userId)}`, { headers: bearer(token) });
const put = (path: string, userId: string, body: unknown, token = admin.access_token): Promise<Answer> =>
  plugin.request(`${path}/${encodeURIComponent(userId)}`, {
    method: 'PUT',
    headers: bearer(token),
    body: JSON.stringify(body),
  });

describe.each(KINDS)('$path', ({ path, field }) => {
  const other = field === 'locked' ? 'suspended' : 'locked';

  it('is set and lifted any number of times, takes effect at once, and is stored in our own tables', async () => {
    const changes = await changesOf(db, async () => {
      expect(jsonOf(await get(path, alice.user_id))).toEqual({ [field]: false });
      for (const state of [true, true, false, false, true]) {
        const answer = await put(path, alice.user_id, { [field]: state });
        expect([answer.status, jsonOf(answer)]).toEqual([200, { [field]: state }]);
        expect(jsonOf(await get(path, alice.user_id))).toEqual({ [field]: state });
        expect(await plugin.admin.accounts.check(alice.user_id as UserId)).toMatchObject({
          [field]: state,
          [other]: false,
        });
      }
      expect(await plugin.admin.accounts.check(bob.user_id as UserId)).toMatchObject({
        [field]: false,
        [other]: false,
      });
    });
    expect(changes).toEqual({});
    const by = await db('matrix_admin.account_restrictions').where('user_id', alice.user_id);
    expect(by).toMatchObject([{ restriction: field, set_by: admin.user_id }]);
    await expect.poll(() => changed).toContain(alice.user_id);
    await put(path, alice.user_id, { [field]: false });
  });

  it.each<[string, string, number, string]>([
    ['another administrator', ROOT, 403, 'M_FORBIDDEN'],
    ['nobody', '@nobody:localhost:18448', 404, 'M_NOT_FOUND'],
    ['a deactivated user', '@gone:localhost:18448', 404, 'M_NOT_FOUND'],
    ['a user of another server', '@x:elsewhere.example', 400, 'M_INVALID_PARAM'],
    ['an invalid user id', 'alice', 400, 'M_INVALID_PARAM'],
  ])('refuses %s', async (_title, userId, status, errcode) => {
    for (const answer of [await get(path, userId), await put(path, userId, { [field]: true })]) {
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    }
    expect(await db('matrix_admin.account_restrictions')).toEqual([]);
  });

  it('can be lifted from somebody who has become an administrator', async () => {
    await db('matrix_admin.account_restrictions').insert({ user_id: ROOT, restriction: field, set_by: 'somebody' });
    expect((await put(path, ROOT, { [field]: false })).status).toBe(200);
    expect(await db('matrix_admin.account_restrictions')).toEqual([]);
  });

  it('lets administrators read their own restrictions, but not change them', async () => {
    expect(jsonOf(await get(path, admin.user_id))).toEqual({ [field]: false });
    for (const state of [true, false]) {
      const answer = await put(path, admin.user_id, { [field]: state });
      expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
    }
  });

  it('reveals nothing to other users', async () => {
    const texts = new Set<string>();
    for (const userId of [alice.user_id, bob.user_id, '@nobody:localhost:18448', '@x:elsewhere.example', 'x']) {
      for (const answer of [
        await get(path, userId, alice.access_token),
        await put(path, userId, { [field]: true }, alice.access_token),
      ]) {
        expect(answer.status).toBe(403);
        texts.add(answer.text);
      }
    }
    expect(texts.size).toBe(1);
  });

  it.each([
    [{}, 'M_MISSING_PARAM'],
    [{ [field]: 'true' }, 'M_INVALID_PARAM'],
    [{ [field]: 1 }, 'M_INVALID_PARAM'],
    [{ [field]: null }, 'M_INVALID_PARAM'],
  ])('refuses %j', async (body, errcode) => {
    const answer = await put(path, bob.user_id, body);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, errcode]);
  });
});

it('Synapse’s path also suspends', async () => {
  for (const suspend of [true, false]) {
    const answer = await put(SYNAPSE, bob.user_id, { suspend });
    expect([answer.status, jsonOf(answer)]).toEqual([200, { [`user_${bob.user_id}_suspended`]: suspend }]);
    expect((await plugin.admin.accounts.check(bob.user_id as UserId)).suspended).toBe(suspend);
  }
  expect((await get(SYNAPSE, bob.user_id)).status).toBe(405);
  expect((await put(SYNAPSE, admin.user_id, { suspend: true })).status).toBe(403);
});

it('a locked user is also refused by this plugin, under every spelling', async () => {
  const whois = '/_matrix/client/v3/admin/whois';
  await put(KINDS[1].path, alice.user_id, { locked: true });
  for (const token of [alice.access_token, 'spelled-otherwise']) {
    const answer = await get(whois, alice.user_id, token);
    expect([answer.status, jsonOf(answer)]).toEqual([
      401,
      { errcode: 'M_USER_LOCKED', error: 'This account has been locked', soft_logout: true },
    ]);
  }
  expect(await plugin.metric('matrix_admin_auth_failures_total', { reason: 'locked' })).toBe(2);
  await put(KINDS[1].path, alice.user_id, { locked: false });
  expect((await get(whois, alice.user_id, alice.access_token)).status).toBe(200);
});

it('other processes notice it soon', async () => {
  const other = await mountPlugin({ database: plugin.database });
  const locked = async (): Promise<boolean> => (await other.admin.accounts.check(bob.user_id as UserId)).locked;
  expect(await locked()).toBe(false);
  await put(KINDS[1].path, bob.user_id, { locked: true });
  await expect.poll(locked, { timeout: 4_000 }).toBe(true);
  await put(KINDS[1].path, bob.user_id, { locked: false });
  await other.close();
});

it('a result is cached, and a failed query is repeated', async () => {
  const queries: unknown[] = [];
  const count = ({ sql }: { sql: string }): unknown => sql.includes('account_restrictions') && queries.push(sql);
  plugin.database.pluginDb.on('query', count);
  const { check } = plugin.admin.accounts;
  await Promise.all(Array.from({ length: 50 }, () => check('@carol:localhost:18448' as UserId)));
  expect(queries).toHaveLength(1);
  plugin.database.pluginDb.off('query', count);
  await db.raw('ALTER TABLE matrix_admin.account_restrictions RENAME TO away');
  await expect(check('@dave:localhost:18448' as UserId)).rejects.toThrow();
  await db.raw('ALTER TABLE matrix_admin.away RENAME TO account_restrictions');
  expect(await check('@dave:localhost:18448' as UserId)).toMatchObject({ suspended: false, locked: false });
});

it('only administrators have the capability to restrict accounts', async () => {
  const { capabilities } = plugin.admin.accounts;
  expect(await capabilities(admin.user_id as UserId)).toEqual({
    'm.account_moderation': { suspend: true, lock: true },
  });
  expect(await capabilities(alice.user_id as UserId)).toEqual({});
});

it('in-process, with a veto of a hook, and in the audit', async () => {
  const { setUserLocked } = plugin.admin.operations;
  const userId = bob.user_id as UserId;
  const system = { actor: { kind: 'system', name: 'test' } } as const;
  const { deny } = await import('../../../src/index.ts');
  const off = plugin.admin.hooks.before('setUserLocked', { name: 'test' }, () => deny('M_FORBIDDEN', 'not bob'));
  await expect(setUserLocked({ userId, locked: true }, system)).rejects.toMatchObject({ message: 'not bob' });
  off();
  expect((await plugin.admin.accounts.check(userId)).locked).toBe(false);
  expect(await setUserLocked({ userId, locked: true }, system)).toEqual({ locked: true });
  const entry = await db('matrix_admin.audit').orderBy('id', 'desc').first();
  expect(entry).toMatchObject({ operation: 'setUserLocked', actor: 'system:test', target: userId, outcome: 'ok' });
  await setUserLocked({ userId, locked: false }, system);
});
