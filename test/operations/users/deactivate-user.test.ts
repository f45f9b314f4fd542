import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { addAccount, addDevice, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const DONE = { id_server_unbind_result: 'success' };
const id = (localpart: string): UserId => `@${localpart}:${SERVER_NAME}` as UserId;

const woken: string[] = [];
const dropped: string[] = [];
let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: {
      federation: { wake: (servers) => void woken.push(...servers) },
      caches: { dropRooms: () => {}, dropUsers: (users) => void dropped.push(...users) },
    },
  });
  ({ db } = plugin.database);
  for (const [threepid, localpart] of [
    ['bob@example.org', 'bob'],
    ['carol@example.org', 'carol'],
  ]) {
    await db('public.userapi_threepids').insert({ threepid, medium: 'email', localpart, server_name: SERVER_NAME });
  }
  await addAccount(db, { localpart: 'root', accountType: 3 });
  await addDevice(db, { accessToken: 'token-of-root', localpart: 'root' });
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
  await addAccount(db, { localpart: 'bridged', accountType: 4, appserviceId: 'irc' });
  await addAccount(db, { localpart: '4711', accountType: 2 });
});
afterAll(() => plugin.close());

const post = (userId: string, body?: unknown, token = USERS.admin.access_token, headers = {}): Promise<Answer> =>
  plugin.request(`/_synapse/admin/v1/deactivate/${encodeURIComponent(userId)}`, {
    method: 'POST',
    headers: { ...(token !== '' && bearer(token)), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const user = async (userId: string): Promise<Record<string, unknown>> =>
  jsonOf(await plugin.asAdmin(`/_synapse/admin/v2/users/${encodeURIComponent(userId)}`));
const joined = async (userId: string): Promise<number> =>
  (await db('public.syncapi_current_room_state').where({ state_key: userId, membership: 'join' })).length;
const jobOf = async (userId: string): Promise<Record<string, unknown>> =>
  await db('matrix_admin.jobs').whereRaw(`input->>'userId' = ?`, [userId]).orderBy('created_at', 'desc').first();
const ended = (userId: string): Promise<void> =>
  expect.poll(async () => (await jobOf(userId)).state, { timeout: 10_000 }).toBe('succeeded');

describe('answers as recorded', () => {
  it('refuses before anything changes', async () => {
    const changes = await changesOf(db, async () => {
      for (const [userId, body, status, error] of [
        [id('nobody'), {}, 404, { errcode: 'M_NOT_FOUND', error: 'User not found' }],
        ['@x:remote.example', {}, 400, { errcode: 'M_INVALID_PARAM', error: 'Can only deactivate local users' }],
        ['alice', {}, 400, { errcode: 'M_INVALID_PARAM' }],
        ['@alice', {}, 400, { errcode: 'M_INVALID_PARAM' }],
        [`!x:${SERVER_NAME}`, {}, 400, { errcode: 'M_INVALID_PARAM' }],
        [id('ALICE'), {}, 404, { errcode: 'M_NOT_FOUND' }],
        [id('alice'), { erase: 'x' }, 400, { errcode: 'M_INVALID_PARAM' }],
        [id('alice'), { erase: null }, 400, { errcode: 'M_INVALID_PARAM' }],
        [id('alice'), '[]', 400, { errcode: 'M_BAD_JSON' }],
      ] as const) {
        const answer = await post(userId, body);
        expect([answer.status, jsonOf(answer)]).toEqual([status, expect.objectContaining(error)]);
      }
    });
    expect(changes).toEqual({});
    expect(await db('matrix_admin.jobs').where('kind', 'deactivateUser')).toEqual([]);
  });

  it.each([
    ['', 401, 'M_MISSING_TOKEN'],
    ['not-a-token', 401, 'M_UNKNOWN_TOKEN'],
    [USERS.alice.access_token, 403, 'M_FORBIDDEN'],
  ])('is for administrators', async (token, status, errcode) => {
    const answer = await post(USERS.bob.user_id, {}, token);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  });
});

describe('deactivateUser', () => {
  it('has no effect as a dry run', async () => {
    const rooms = await joined(USERS.bob.user_id);
    const changes = await changesOf(db, async () => {
      const { affected, dry_run } = jsonOf(await post(USERS.bob.user_id, { dry_run: true, erase: true }));
      expect([(affected as string[]).length >= rooms, dry_run]).toEqual([true, true]);
    });
    expect(changes).toEqual({});
    expect(rooms).toBeGreaterThan(1);
  });

  it('without a body logs the user out at once, and leaves all rooms', async () => {
    const userId = USERS.bob.user_id as UserId;
    await db('matrix_admin.account_restrictions').insert({ user_id: userId, restriction: 'locked', set_by: 'test' });
    expect((await plugin.admin.accounts.check(userId)).locked).toBe(true);
    const before = await user(userId);
    const answer = await post(userId);
    expect([answer.status, jsonOf(answer)]).toEqual([200, DONE]);
    expect(answer.headers.location).toMatch(/^\/_dendrite\/admin\/jobs\/[\w-]+$/);
    // All of this is true as soon as the answer arrives. The job has not ended then.
    expect(await user(userId)).toEqual({
      ...before,
      deactivated: true,
      locked: false,
      threepids: [],
      last_seen_ts: null,
    });
    expect(before).toMatchObject({ threepids: [{ address: 'bob@example.org' }] });
    for (const table of ['userapi_devices', 'userapi_pushers', 'userapi_threepids']) {
      expect(await db(`public.${table}`).where({ localpart: 'bob' }), table).toEqual([]);
    }
    for (const table of ['keyserver_device_keys', 'keyserver_one_time_keys', 'syncapi_send_to_device']) {
      expect(await db(`public.${table}`).where({ user_id: userId }), table).toEqual([]);
    }
    expect((await db('public.userapi_accounts').where({ localpart: 'bob' }).first()).password_hash).toBe('');
    expect(await plugin.admin.accounts.check(userId)).toMatchObject({ suspended: false, locked: false });
    const whois = await plugin.request(`/_matrix/client/v3/admin/whois/${userId}`, {
      headers: bearer(USERS.bob.access_token),
    });
    expect([whois.status, jsonOf(whois).errcode]).toEqual([401, 'M_UNKNOWN_TOKEN']);
    expect(dropped).toContain(userId);
    await ended(userId);
    expect(await joined(userId)).toBe(0);
    expect(await brokenInvariants(db)).toEqual([]);
    expect(woken).not.toEqual([]);
  });

  it('can be repeated, and a deactivated account can be erased', async () => {
    const userId = USERS.bob.user_id;
    expect(jsonOf(await post(userId, {}))).toEqual(DONE);
    expect(await user(userId)).toMatchObject({ deactivated: true, erased: false, displayname: expect.any(String) });
    expect(jsonOf(await post(userId, { erase: true }))).toEqual(DONE);
    expect(await user(userId)).toMatchObject({ erased: true, displayname: null, avatar_url: null });
    expect(await db('matrix_admin.account_attributes')).toMatchObject([
      { user_id: userId, erased_by: USERS.admin.user_id },
    ]);
    const listed = jsonOf(await plugin.asAdmin('/_synapse/admin/v2/users?deactivated=true&user_id=bob'));
    expect(listed).toMatchObject({ total: 1, users: [{ erased: true, deactivated: true, displayname: null }] });
    await ended(userId);
  });

  it('with erase also deletes the profile', async () => {
    expect(jsonOf(await post(USERS.carol.user_id, { erase: true }))).toEqual(DONE);
    expect(await user(USERS.carol.user_id)).toMatchObject({
      deactivated: true,
      erased: true,
      displayname: null,
      threepids: [],
    });
    await ended(USERS.carol.user_id);
    expect(await joined(USERS.carol.user_id)).toBe(0);
  });

  it.each(['gone', 'bridged', '4711'])('accepts %s', async (localpart) => {
    expect(jsonOf(await post(id(localpart), {}))).toEqual(DONE);
    expect(await user(id(localpart))).toMatchObject({ deactivated: true });
  });

  it('lets administrators deactivate themselves, and keeps their account type', async () => {
    expect(jsonOf(await post(id('root'), {}, 'token-of-root'))).toEqual(DONE);
    const answer = await post(id('root'), {}, 'token-of-root');
    expect([answer.status, jsonOf(answer).errcode]).toEqual([401, 'M_UNKNOWN_TOKEN']);
    expect(await user(id('root'))).toMatchObject({ deactivated: true, admin: true });
    await ended(id('root'));
  });

  it('with Prefer: respond-async is answered with the job', async () => {
    const answer = await post(id('gone'), {}, undefined, { Prefer: 'respond-async' });
    expect([answer.status, Object.keys(jsonOf(answer))]).toEqual([202, ['job_id']]);
  });

  it('in-process returns the rooms that were left, after a hook that may refuse it', async () => {
    const { deactivateUser } = plugin.admin.operations;
    const { deny } = await import('../../../src/index.ts');
    const system = { actor: { kind: 'system', name: 'test' } } as const;
    const userId = USERS.dave.user_id as UserId;
    // Leaving all rooms is a part of the deactivation, so hooks of both operations can refuse it.
    for (const operation of ['deactivateUser', 'evacuateUser'] as const) {
      const off = plugin.admin.hooks.before(operation, { name: 'hold' }, ({ input }) =>
        input.userId === userId ? deny('M_FORBIDDEN', 'legal hold') : undefined,
      );
      await expect(deactivateUser({ userId }, system)).rejects.toMatchObject({ message: 'legal hold' });
      off();
    }
    expect(await user(userId)).toMatchObject({ deactivated: false });
    const rooms = await joined(userId);
    const { affected } = await deactivateUser({ userId }, system);
    expect(affected.length).toBeGreaterThanOrEqual(rooms);
    expect(await joined(userId)).toBe(0);
    expect(
      await db('matrix_admin.audit').where('operation', 'deactivateUser').orderBy('id', 'desc').first(),
    ).toMatchObject({
      operation: 'deactivateUser',
      actor: 'system:test',
      target: userId,
      outcome: 'ok',
      job_id: (await jobOf(userId)).id,
    });
  });

  it('twice at once, once with erase: each room is left once', async () => {
    const system = { actor: { kind: 'system', name: 'test' } } as const;
    const userId = USERS.alice.user_id as UserId;
    const ends = await Promise.all(
      [false, true].map((erase) => plugin.admin.operations.deactivateUser({ userId, erase }, system)),
    );
    expect(ends.flatMap(({ failed = [] }) => failed)).toEqual([]);
    expect(await joined(userId)).toBe(0);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});
