import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FixtureHomeserver, fixture, roomNamed, startFixtureHomeserver } from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const { alice, bob } = fixture.users;
const room = encodeURIComponent(roomNamed('v10'));
const alias = encodeURIComponent(`#bots:${fixture.server_name}`);
const V3 = '/_matrix/client/v3';
const bans = { type: 'm.policy.rule.user' };

type Request = readonly [method: string, path: string, body?: unknown];

/** Requests of clients to the Client-Server API, except `/sync`, in the order in which the clients send them. */
const REQUESTS: Readonly<Record<string, readonly Request[]>> = {
  // packages/matrix-protection-suite-for-matrix-bot-sdk and apps/draupnir of Draupnir 2.
  Draupnir: [
    ['GET', `${V3}/account/whoami`],
    ['GET', `${V3}/capabilities`],
    ['POST', `${V3}/join/${room}`, {}],
    ['GET', `${V3}/directory/room/${alias}`],
    ['GET', `${V3}/joined_rooms`],
    ['GET', `${V3}/user/${alice.user_id}/account_data/org.matrix.mjolnir.watched_lists`],
    ['PUT', `${V3}/user/${alice.user_id}/account_data/org.matrix.mjolnir.watched_lists`, { references: [] }],
    ['GET', `${V3}/profile/${alice.user_id}`],
    ['POST', `${V3}/createRoom`, { preset: 'public_chat', room_alias_name: 'bans', initial_state: [] }],
    ['PUT', `${V3}/directory/room/${alias}`, { room_id: roomNamed('v10') }],
    ['GET', `${V3}/rooms/${room}/state`],
    ['GET', `${V3}/rooms/${room}/state/m.room.power_levels/`],
    ['GET', `${V3}/rooms/${room}/members`],
    ['PUT', `${V3}/rooms/${room}/state/${bans.type}/rule%3A1`, { entity: '@x:y', recommendation: 'm.ban', reason: '' }],
    ['PUT', `${V3}/rooms/${room}/send/m.room.message/d1`, { msgtype: 'm.notice', body: 'started' }],
    ['POST', `${V3}/rooms/${room}/receipt/m.read/%24x`, {}],
    ['GET', `${V3}/rooms/${room}/messages?dir=b&limit=10&filter=%7B%22senders%22%3A%5B%22${bob.user_id}%22%5D%7D`],
    ['GET', `${V3}/rooms/${room}/event/%24x`],
    ['GET', `/_matrix/client/v1/rooms/${room}/relations/%24x?dir=b`],
    ['PUT', `${V3}/rooms/${room}/redact/%24x/d2`, { reason: 'spam' }],
    ['POST', `${V3}/rooms/${room}/invite`, { user_id: bob.user_id }],
    ['POST', `${V3}/rooms/${room}/kick`, { user_id: bob.user_id }],
    ['POST', `${V3}/rooms/${room}/ban`, { user_id: bob.user_id }],
    ['POST', `${V3}/rooms/${room}/unban`, { user_id: bob.user_id }],
    ['PUT', `${V3}/profile/${alice.user_id}/displayname`, { displayname: 'Draupnir' }],
    ['PUT', `${V3}/profile/${alice.user_id}/avatar_url`, { avatar_url: 'mxc://x/y' }],
    ['DELETE', `${V3}/directory/room/${alias}`],
    ['POST', `${V3}/rooms/${room}/leave`, {}],
  ],
  'matrix-bot-sdk': [
    ['GET', '/_matrix/client/versions'],
    ['GET', `${V3}/account/whoami`],
    ['POST', `${V3}/user/${alice.user_id}/filter`, { event_fields: [] }],
    ['GET', `${V3}/joined_rooms`],
    ['GET', `${V3}/rooms/${room}/joined_members`],
    ['GET', `${V3}/rooms/${room}/context/%24x`],
    ['PUT', `${V3}/rooms/${room}/typing/${alice.user_id}`, { typing: true, timeout: 1 }],
    ['GET', `${V3}/directory/list/room/${room}`],
    ['PUT', `${V3}/directory/list/room/${room}`, { visibility: 'private' }],
    ['GET', `${V3}/devices`],
    ['POST', `${V3}/keys/upload`, {}],
    ['POST', `${V3}/keys/query`, { device_keys: {} }],
    ['POST', `${V3}/keys/claim`, { one_time_keys: {} }],
    ['PUT', `${V3}/sendToDevice/m.dummy/b1`, { messages: {} }],
  ],
  'matrix-js-sdk': [
    ['GET', '/.well-known/matrix/client'],
    ['GET', '/_matrix/client/versions'],
    ['GET', `${V3}/login`],
    ['GET', `${V3}/capabilities`],
    ['GET', `${V3}/pushrules/`],
    ['POST', `${V3}/user/${alice.user_id}/filter`, { room: { timeline: { limit: 20 } } }],
    ['GET', `${V3}/voip/turnServer`],
    ['POST', `${V3}/publicRooms`, { limit: 20, filter: { generic_search_term: 'x' } }],
    ['POST', `${V3}/user_directory/search`, { search_term: 'bob' }],
    ['POST', `${V3}/rooms/${room}/read_markers`, {}],
    ['POST', `${V3}/rooms/${room}/forget`, {}],
    ['PUT', `${V3}/user/${alice.user_id}/rooms/${room}/tags/m.favourite`, { order: 0.1 }],
  ],
  Ketesa: [
    ['GET', '/.well-known/matrix/client'],
    ['GET', '/_matrix/client/versions'],
    ['GET', '/_matrix/client/r0/login'],
    ['GET', `${V3}/capabilities`],
    ['GET', `${V3}/publicRooms?limit=10`],
    ['PUT', `${V3}/directory/list/room/${room}`, { visibility: 'private' }],
    ['GET', `${V3}/rooms/${room}/aliases`],
    ['POST', '/_matrix/client/r0/logout', {}],
  ],
};

test.each(Object.entries(REQUESTS))('%s finds every endpoint that it calls', async (_client, requests) => {
  const missing: unknown[] = [];
  for (const [method, path, body] of requests) {
    const { status, body: answer } = await server.call('alice', method, path, body);
    if (answer.errcode === 'M_UNRECOGNIZED' || status >= 500) missing.push([method, path, status, answer]);
  }
  expect(missing).toEqual([]);
});
