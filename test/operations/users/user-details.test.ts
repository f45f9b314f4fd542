import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAccount, addDevice, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ALICE = USERS.alice.user_id;
const OWNER = { localpart: 'alice', server_name: SERVER_NAME };

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());

const get = (userId: string, rest: string): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/users/${encodeURIComponent(userId)}/${rest}`);

it.each(['pushers', 'accountdata', 'sent_invite_count?from_ts=0', 'cumulative_joined_room_count?from_ts=0'])(
  '%s is for administrators, and refuses unknown users',
  async (rest) => {
    const path = `/_synapse/admin/v1/users/${ALICE}/${rest}`;
    expect((await plugin.request(path, { headers: bearer(USERS.alice.access_token) })).status).toBe(403);
    expect((await get(ALICE, rest)).status).toBe(200);
    expect((await get(`@gone:${SERVER_NAME}`, rest)).status).toBe(200);
    expect((await get('alice', rest)).status).toBe(400);
  },
);

describe('pushers', () => {
  it('are those that Dendrite has stored, in order, with devices that still exist', async () => {
    await db('public.userapi_pushers').where(OWNER).delete();
    await addDevice(db, { accessToken: 'PUSHED', localpart: 'alice' });
    const { session_id: sessionId } = await db('public.userapi_devices').where({ access_token: 'PUSHED' }).first();
    const pusher = {
      ...OWNER,
      kind: 'http',
      app_id: 'org.example',
      app_display_name: 'App',
      device_display_name: 'Phone',
      lang: 'de',
      data: '{"url":"https://push.example/"}',
    };
    await db('public.userapi_pushers').insert([
      { ...pusher, pushkey: 'second', session_id: 999_999 },
      { ...pusher, pushkey: 'first', session_id: sessionId, profile_tag: 'tag' },
    ]);
    await db('public.userapi_pushers').insert({ ...pusher, localpart: 'bob', pushkey: 'of bob' });
    const { pushers, total } = jsonOf(await get(ALICE, 'pushers')) as { pushers: unknown[]; total: number };
    expect(pushers).toMatchObject([
      { pushkey: 'second', device_id: null, profile_tag: '', lang: 'de', data: { url: 'https://push.example/' } },
      { pushkey: 'first', device_id: 'of PUSHED', profile_tag: 'tag' },
    ]);
    expect(total).toBe(2);
  });
});

describe('account data', () => {
  it('has the data of all rooms, and push rules', async () => {
    const room = `!r:${SERVER_NAME}`;
    await db('public.userapi_account_datas').insert([
      { ...OWNER, room_id: room, type: 'm.tag', content: '{"tags":{"m.favourite":{"snake_Case":1}}}' },
      { ...OWNER, room_id: room, type: '__proto__', content: '{}' },
      { ...OWNER, room_id: null, type: 'org.example.global', content: '[1]' },
    ]);
    const { account_data: data } = jsonOf(await get(ALICE, 'accountdata')) as {
      account_data: { global: Record<string, unknown>; rooms: Record<string, Record<string, unknown>> };
    };
    expect(data.rooms[room]).toMatchObject({ 'm.tag': { tags: { 'm.favourite': { snake_Case: 1 } } } });
    expect(Object.keys(data.rooms[room] ?? {})).toContain('__proto__');
    expect(data.global).toMatchObject({ 'org.example.global': [1], 'm.push_rules': { global: expect.anything() } });
  });
});

describe('numbers', () => {
  const member = (n: number, sender: string, target: string, membership: string, at: unknown): object => ({
    event_id: `$n${n}`,
    room_id: `!${membership}${n % 2}:${SERVER_NAME}`,
    type: 'm.room.member',
    sender,
    contains_url: false,
    // The JSON contains an escape that PostgreSQL cannot store as text.
    headered_event_json: `{"state_key":"${target}","origin_server_ts":${JSON.stringify(at)},"content":{"displayname":"\\u0000","membership":"${membership}"}}`,
  });
  const countOf = async (kind: string, from: string): Promise<unknown> => {
    const answer = await get(ALICE, `${kind}?from_ts=${from}`);
    return Object.values(jsonOf(answer))[0];
  };

  it('count the events of the user since a time', async () => {
    const bob = USERS.bob.user_id;
    await db('public.syncapi_output_room_events').where({ type: 'm.room.member' }).delete();
    await db('public.syncapi_output_room_events').insert([
      member(1, ALICE, bob, 'invite', 100),
      member(2, ALICE, bob, 'invite', 200),
      member(3, bob, ALICE, 'invite', 200),
      member(4, ALICE, ALICE, 'join', 100),
      member(5, ALICE, ALICE, 'join', 200),
      member(6, ALICE, ALICE, 'join', 300),
      member(7, ALICE, ALICE, 'leave', 300),
      member(8, ALICE, bob, 'invite', '300'),
      member(9, ALICE, bob, 'invite', 'soon'),
      member(10, ALICE, bob, 'invite', 1e21),
    ]);
    expect(await countOf('sent_invite_count', '0')).toBe(3);
    expect(await countOf('sent_invite_count', '200')).toBe(2);
    expect(await countOf('sent_invite_count', '201')).toBe(1);
    expect(await countOf('sent_invite_count', '1970-01-02')).toBe(0);
    // The count is of rooms, not of joins.
    expect(await countOf('cumulative_joined_room_count', '0')).toBe(2);
    expect(await countOf('cumulative_joined_room_count', '301')).toBe(0);
    expect(await countOf('cumulative_joined_room_count', '300')).toBe(1);
  });

  it.each(['x', '-1', '', '1.5'])('need a time, and refuse %j', async (from) => {
    for (const kind of ['sent_invite_count', 'cumulative_joined_room_count']) {
      const answer = await get(ALICE, `${kind}?from_ts=${from}`);
      expect([answer.status, jsonOf(answer)]).toMatchObject([400, { errcode: 'M_INVALID_PARAM' }]);
    }
  });
});

it('an account cannot be renewed, because accounts do not expire, and the audit has the call', async () => {
  const path = '/_synapse/admin/v1/account_validity/validity';
  const renew = (body: object): Promise<Answer> => plugin.asAdmin(path, { method: 'POST', body: JSON.stringify(body) });
  const refused = await renew({ user_id: ALICE, expiration_ts: 1, enable_renewal_emails: false });
  expect([refused.status, jsonOf(refused)]).toMatchObject([400, { error: expect.stringContaining('not enabled') }]);
  expect(await db('matrix_admin.audit').orderBy('id', 'desc').first()).toMatchObject({
    operation: 'renewAccount',
    target: ALICE,
    outcome: 'refused',
  });
  expect(jsonOf(await renew({}))).toMatchObject({ errcode: 'M_MISSING_PARAM' });
});
