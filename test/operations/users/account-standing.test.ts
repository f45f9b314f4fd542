import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import type { AccountStanding } from '../../../src/index.ts';
import { addAccount, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';

const BOB = USERS.bob.user_id as UserId;
const NOTHING: AccountStanding = {
  suspended: false,
  locked: false,
  shadowBanned: false,
  rateLimit: undefined,
  features: [],
  keysReplaceableUntil: undefined,
  hiddenDevices: [],
  hasLoginEnded: false,
};
const LIMIT = `users/${BOB}/override_ratelimit`;
const BAN = `users/${BOB}/shadow_ban`;
const FEATURES = `experimental_features/${BOB}`;
const KEYS = `users/${BOB}/_allow_cross_signing_replacement_without_uia`;
const WRITES: [string, string, object | undefined][] = [
  ['POST', LIMIT, { messages_per_second: 1 }],
  ['DELETE', LIMIT, undefined],
  ['POST', BAN, undefined],
  ['DELETE', BAN, undefined],
  ['PUT', FEATURES, { features: { msc3881: true } }],
  ['POST', KEYS, undefined],
];

const changed: string[] = [];
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: { caches: { dropRooms: () => {}, dropUsers: (users) => void changed.push(...users) } },
  });
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'root', accountType: 3 });
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());
beforeEach(async () => {
  changed.length = 0;
});

const send = (method: string, path: string, body?: object, token = USERS.admin.access_token): Promise<Answer> =>
  plugin.request(`/_synapse/admin/v1/${path}`, {
    method,
    headers: bearer(token),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const check = (userId: string = BOB): Promise<AccountStanding> => plugin.admin.accounts.check(userId as UserId);

describe('every change', () => {
  it.each(WRITES)('%s %s is for administrators', async (method, path, body) => {
    expect((await send(method, path, body, USERS.bob.access_token)).status).toBe(403);
    expect((await send(method, path, body, 'nobody')).status).toBe(401);
    expect(await check()).toEqual(NOTHING);
  });

  it.each(WRITES)('%s %s is refused for users that there are not', async (method, path, body) => {
    for (const [userId, status] of [
      [`@nobody:${SERVER_NAME}`, 404],
      ['@x:remote.example', 400],
      ['bob', 400],
    ] as const) {
      expect((await send(method, path.replace(BOB, encodeURIComponent(userId)), body)).status).toBe(status);
    }
  });

  it.each(WRITES)('%s %s can be vetoed, and is in the audit', async (method, path, body) => {
    const { deny } = await import('../../../src/index.ts');
    const names = [
      'setUserRateLimit',
      'deleteUserRateLimit',
      'setUserShadowBanned',
      'setExperimentalFeatures',
      'allowCrossSigningReplacement',
    ] as const;
    const off = names.map((name) => plugin.admin.hooks.before(name, { name: 'test' }, () => deny('M_FORBIDDEN', 'no')));
    const answer = await send(method, path, body);
    expect([answer.status, jsonOf(answer).error]).toEqual([403, 'no']);
    for (const remove of off) remove();
    const entry = await db('matrix_admin.audit').orderBy('id', 'desc').first();
    expect(names).toContain(entry.operation);
    expect(entry).toMatchObject({
      actor: USERS.admin.user_id,
      target: BOB,
      outcome: 'refused',
      errcode: 'M_FORBIDDEN',
    });
    expect(await check()).toEqual(NOTHING);
  });
});

it('nothing of it is in the tables of Dendrite', async () => {
  const changes = await changesOf(db, async () => {
    for (const [method, path, body] of WRITES) await send(method, path, body);
  });
  expect(changes).toEqual({});
  await expect.poll(() => changed).toContain(BOB);
  await send('PUT', FEATURES, { features: { msc3881: false } });
  expect(await check()).toEqual(NOTHING);
});

describe('a rate limit', () => {
  it('counts at once, until it is taken away', async () => {
    expect(jsonOf(await send('GET', LIMIT))).toEqual({});
    await send('POST', LIMIT, { messages_per_second: 5, burst_count: 10 });
    expect(jsonOf(await send('GET', LIMIT))).toEqual({ messages_per_second: 5, burst_count: 10 });
    expect((await check()).rateLimit).toEqual({ messagesPerSecond: 5, burstCount: 10 });
    await send('POST', LIMIT, {});
    expect((await check()).rateLimit).toEqual({ messagesPerSecond: 0, burstCount: 0 });
    await send('DELETE', LIMIT);
    expect((await check()).rateLimit).toBeUndefined();
  });

  it.each([{ messages_per_second: 2 ** 31 }, { burst_count: 0.5 }, { burst_count: null }, { burst: 1 }])(
    'is no %j',
    async (body) => {
      const answer = await send('POST', LIMIT, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );
});

describe('a shadow ban', () => {
  const shown = async (): Promise<unknown> => {
    const user = jsonOf(await plugin.asAdmin(`/_synapse/admin/v2/users/${BOB}`));
    const { users } = jsonOf(await plugin.asAdmin('/_synapse/admin/v2/users?order_by=shadow_banned&dir=b&limit=1'));
    return [user.shadow_banned, (users as { name: string; shadow_banned: boolean }[])[0]];
  };

  it('shows in the user and in lists, and counts at once', async () => {
    expect((await shown()) as unknown[]).toMatchObject([false, { shadow_banned: false }]);
    await send('POST', BAN);
    expect(await shown()).toMatchObject([true, { name: BOB, shadow_banned: true }]);
    expect(await check()).toEqual({ ...NOTHING, shadowBanned: true });
    await send('DELETE', BAN);
    expect(await check()).toEqual(NOTHING);
  });

  it('can be set with a user, and ends with a deactivation', async () => {
    const put = (body: object): Promise<Answer> =>
      plugin.asAdmin(`/_synapse/admin/v2/users/@shady:${SERVER_NAME}`, { method: 'PUT', body: JSON.stringify(body) });
    expect(jsonOf(await put({ shadow_banned: true }))).toMatchObject({ shadow_banned: true });
    expect((await check(`@shady:${SERVER_NAME}`)).shadowBanned).toBe(true);
    expect(jsonOf(await put({ shadow_banned: true, displayname: 'S' }))).toMatchObject({ shadow_banned: true });
    expect(jsonOf(await put({ deactivated: true }))).toMatchObject({ shadow_banned: false });
    expect((await check(`@shady:${SERVER_NAME}`)).shadowBanned).toBe(false);
  });

  it('is nothing for administrators, oneself and deactivated accounts', async () => {
    for (const [localpart, status] of [
      ['root', 403],
      ['admin', 403],
      ['gone', 404],
    ] as const) {
      expect((await send('POST', `users/@${localpart}:${SERVER_NAME}/shadow_ban`)).status).toBe(status);
    }
  });

  it('takes no administrator out of the count of those who can act', async () => {
    await db('matrix_admin.account_restrictions').insert({
      user_id: `@root:${SERVER_NAME}`,
      restriction: 'shadow_banned',
      set_by: 'test',
    });
    const { setUserAdmin } = plugin.admin.operations;
    const system = { actor: { kind: 'system', name: 'test' } } as const;
    const demotion = setUserAdmin({ userId: USERS.admin.user_id, admin: false }, system);
    await expect(demotion).resolves.toEqual({ admin: false });
    await setUserAdmin({ userId: USERS.admin.user_id, admin: true }, system);
    await db('matrix_admin.account_restrictions').delete();
  });
});

describe('experimental features', () => {
  it('are switched on and off one by one', async () => {
    await send('PUT', FEATURES, { features: { msc3881: true, msc4222: true } });
    expect((await check()).features).toEqual(['msc3881', 'msc4222']);
    await send('PUT', FEATURES, { features: { msc3881: false } });
    expect(jsonOf(await send('GET', FEATURES))).toEqual({
      features: { msc3881: false, msc3575: false, msc4222: true },
    });
    await send('PUT', FEATURES, { features: { msc4222: false } });
    expect(await check()).toEqual(NOTHING);
  });

  it.each([{}, { features: { nope: true } }, { features: { msc3881: 1 } }, { features: [] }])(
    'are not %j',
    async (body) => {
      const answer = await send('PUT', FEATURES, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([
        400,
        expect.stringMatching(/^M_(INVALID|MISSING)_PARAM$/),
      ]);
      expect(await check()).toEqual(NOTHING);
    },
  );
});

describe('the replacement of cross-signing keys', () => {
  const key = (data: string): Promise<unknown> =>
    db('public.keyserver_cross_signing_keys')
      .insert({ user_id: BOB, key_type: 1, key_data: data })
      .onConflict(['user_id', 'key_type'])
      .merge();

  it('is allowed for ten minutes, for the key that there is', async () => {
    await key('first');
    const before = Date.now();
    const { updatable_without_uia_before_ms: until } = jsonOf(await send('POST', KEYS));
    expect(until).toBeGreaterThanOrEqual(before + 600_000);
    expect(until).toBeLessThanOrEqual(Date.now() + 600_000);
    expect(await check()).toEqual({ ...NOTHING, keysReplaceableUntil: until });
    await key('second');
    await send('DELETE', LIMIT);
    expect(await check()).toEqual(NOTHING);
    await send('POST', KEYS);
    expect((await check()).keysReplaceableUntil).toBeGreaterThan(before);
    await db('public.keyserver_cross_signing_keys').where({ user_id: BOB }).delete();
  });
});
