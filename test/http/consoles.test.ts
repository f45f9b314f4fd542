import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FixtureHomeserver,
  fixture,
  type Json,
  roomNamed,
  sendPath,
  startFixtureHomeserver,
} from '../reference-host/fixture-homeserver.ts';
import { SERVER_NAME } from '../support/dendrite-server.ts';
import { insertMedia, MEDIA, REMOTE, unpackMediaStore } from '../support/media-fixture.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

/** What consoles ask for, screen by screen, and the fields that they read from the answers. */

const { admin, alice, bob, carol, dave, erin, frank } = fixture.users;
const [ALICE, BOB, CAROL, DAVE, ERIN] = [alice, bob, carol, dave, erin].map(({ user_id: id }) =>
  encodeURIComponent(id),
);
const [V5, V6, V7, V8, V9, V10] = ['v5', 'v6', 'v7', 'v8', 'v9', 'v10'].map((name) =>
  encodeURIComponent(roomNamed(name)),
);
const V1 = '/_synapse/admin/v1';
const V2 = '/_synapse/admin/v2';
const V3 = '/_synapse/admin/v3';
const CLIENT = '/_matrix/client/v3';
const YEAR_2100 = 4_102_444_800_000;
const LIST = 'from=0&limit=10&order_by=id&dir=b';

let base: string;
let server: FixtureHomeserver;
/** Ids that only the homeserver knows, by the names that requests have in braces. */
const known = new Map<string, string>();
beforeAll(async () => {
  base = await makeScratchDirectory('consoles-');
  await unpackMediaStore(base);
  server = await startFixtureHomeserver({
    mediaDirectory: base,
    rateLimit: false,
    accounts: { accounts: { allowLoginAs: true, bcryptCost: 4 }, serverNotices: {} },
  });
  const { db } = server.homeserver;
  await insertMedia(db);
  const account = { localpart: 'alice', server_name: SERVER_NAME };
  await db('userapi_threepids').insert({ ...account, threepid: 'alice@example.org', medium: 'email' });
  await db('keyserver_cross_signing_keys').insert({ user_id: carol.user_id, key_type: 1, key_data: 'key' });
  await server.call('alice', 'POST', `${CLIENT}/users/${BOB}/report`, { reason: 'spammer' });
  const space = await server.call('alice', 'POST', `${CLIENT}/createRoom`, { creation_content: { type: 'm.space' } });
  known.set('space', encodeURIComponent(space.body.room_id));
  await server.call('alice', 'PUT', `${CLIENT}/rooms/${known.get('space')}/state/m.space.child/${V10}`, {
    via: [SERVER_NAME],
  });
  const picture = { msgtype: 'm.image', body: 'picture', url: `mxc://${SERVER_NAME}/${MEDIA.alicePicture}` };
  const sent = await server.call('alice', 'PUT', sendPath('v10'), picture);
  known.set('picture', encodeURIComponent(sent.body.event_id));
});
afterAll(async () => {
  await server.stop();
  await rm(base, { recursive: true });
});

interface Asked {
  /** Method and path. Names in braces stand for what `keeps` of an earlier request has kept. */
  readonly request: string;
  readonly body?: unknown;
  /** Fields that the console reads, with their values. */
  readonly reads?: object;
  /** @defaultValue 200 */
  readonly status?: number;
  /** Keeps a field of the answer under the same name. */
  readonly keeps?: string;
  /** Asks until the answer has the fields. The console does the same. */
  readonly polls?: true;
}

async function expectAnswer({ request, body, reads = {}, status = 200, keeps, polls }: Asked): Promise<void> {
  const [method = '', path = ''] = request
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => known.get(name) ?? '')
    .split(' ');
  const send = (): Promise<Json> => server.call('admin', method, path, body);
  if (polls) await expect.poll(async () => (await send()).body).toMatchObject(reads);
  const answer = await send();
  expect([answer.status, answer.body], request).toEqual([status, expect.objectContaining(reads)]);
  if (keeps !== undefined) known.set(keeps, String(answer.body[keeps]));
}

const id = expect.any(String);
const time = expect.toSatisfy((value) => Number.isSafeInteger(value) && value > 1_600_000_000_000);
const like = (fields: object): unknown => expect.objectContaining(fields);
const having = (...items: unknown[]): unknown => expect.arrayContaining(items);
const NONE = { deactivated: false, locked: false, shadow_banned: false, erased: false, is_guest: false };

const uploadOf = (mediaId: string, type: string, bytes: number): unknown =>
  like({
    media_id: mediaId,
    media_type: type,
    media_length: bytes,
    created_ts: time,
    last_access_ts: null,
    quarantined_by: null,
    safe_from_quarantine: false,
  });

/** The whole record of a user, as Ketesa sends it back: with the fields of the answer and those of its form. */
const WHOLE_USER = {
  id: erin.user_id,
  name: erin.user_id,
  ...NONE,
  admin: false,
  suspended: false,
  user_type: null,
  displayname: 'Erin E.',
  avatar_src: 'mxc://x/y',
  avatar_url: `mxc://${SERVER_NAME}/${MEDIA.aliceText}`,
  avatar_file: { src: 'blob:x', title: 'a.png' },
  avatar_erase: false,
  creation_ts: 1,
  creation_ts_ms: 1_000,
  last_seen_ts: 2,
  media_count: 0,
  media_length: 0,
  threepids: [{ medium: 'email', address: 'erin@example.org' }],
  external_ids: [],
};

const KETESA: Readonly<Record<string, readonly Asked[]>> = {
  'login, which sends no device id': [
    { request: 'GET /.well-known/matrix/client', reads: { 'm.homeserver': like({ base_url: id }) } },
    { request: 'GET /_matrix/client/versions', reads: { versions: having('v1.11') } },
    { request: `GET ${CLIENT}/login`, reads: { flows: having(like({ type: 'm.login.password' })) } },
    { request: `GET ${V1}/server_version`, reads: { server_version: id } },
    {
      request: `POST ${CLIENT}/login`,
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: admin.user_id },
        password: admin.password,
        device_id: null,
        initial_device_display_name: 'console',
      },
      reads: { access_token: id, device_id: id, user_id: admin.user_id },
    },
    { request: `GET ${CLIENT}/profile/${admin.user_id}`, reads: { displayname: 'The Admin' } },
    {
      request: `PUT ${CLIENT}/user/${admin.user_id}/account_data/io.element.synapse.admin_client_config`,
      body: { return_soft_failed_events: true },
    },
    {
      request: `GET ${CLIENT}/user/${admin.user_id}/account_data/io.element.synapse.admin_client_config`,
      reads: { return_soft_failed_events: true },
    },
  ],
  users: [
    {
      request: `GET ${V3}/users?from=0&limit=50&order_by=name&dir=f`,
      reads: {
        users: having(like({ name: alice.user_id, displayname: 'Alice', admin: false, creation_ts: time, ...NONE })),
        total: 8,
      },
    },
    { request: `GET ${V3}/users?from=0&limit=50&name=ali&order_by=creation_ts&dir=b`, reads: { total: 1 } },
    { request: `GET ${V3}/users?from=0&limit=50&deactivated=true&order_by=name&dir=f`, reads: { users: [], total: 0 } },
    { request: `GET ${V3}/users?from=0&limit=50&admins=true&order_by=name&dir=f`, reads: { total: 1 } },
  ],
  'users: look-ups': [
    { request: `GET ${V1}/username_available?username=zoe`, reads: { available: true } },
    { request: `GET ${V1}/username_available?username=alice`, status: 400, reads: { errcode: 'M_USER_IN_USE' } },
    { request: `GET ${V1}/threepid/email/users/alice%40example.org`, reads: { user_id: alice.user_id } },
    { request: `GET ${V1}/threepid/email/users/x%40example.org`, status: 404, reads: { errcode: 'M_NOT_FOUND' } },
    { request: `GET ${V1}/auth_providers/oidc/users/x`, status: 404, reads: { errcode: 'M_NOT_FOUND' } },
  ],
  user: [
    {
      request: `GET ${V2}/users/${ALICE}`,
      reads: { name: alice.user_id, displayname: 'Alice', admin: false, user_type: null, suspended: false, ...NONE },
    },
    { request: `GET ${V1}/users/${ALICE}/sent_invite_count?from_ts=0`, reads: { invite_count: 13 } },
    {
      request: `GET ${V1}/users/${ALICE}/cumulative_joined_room_count?from_ts=0`,
      // The recorded rooms, and the space of this test.
      reads: { cumulative_joined_room_count: 18 },
    },
    { request: `GET ${V1}/experimental_features/${ALICE}`, reads: { features: like({ msc3881: false }) } },
    { request: `PUT ${V1}/experimental_features/${ALICE}`, body: { features: { msc3881: true } } },
    { request: `GET ${V1}/experimental_features/${ALICE}`, reads: { features: like({ msc3881: true }) } },
    {
      request: `GET ${V1}/users/${ALICE}/accountdata`,
      reads: { account_data: { global: expect.any(Object), rooms: expect.any(Object) } },
    },
    {
      request: `GET ${V1}/users/${ALICE}/pushers?${LIST}`,
      reads: {
        pushers: [
          like({
            kind: 'http',
            app_display_name: 'App',
            device_display_name: 'Phone',
            lang: 'en',
            pushkey: id,
            app_id: id,
            data: like({ url: id }),
          }),
        ],
        total: 1,
      },
    },
    { request: `GET ${V1}/users/${ALICE}/override_ratelimit`, reads: {} },
    {
      request: `POST ${V1}/users/${ALICE}/override_ratelimit`,
      body: { messages_per_second: 5, burst_count: 10 },
      reads: { messages_per_second: 5, burst_count: 10 },
    },
    { request: `DELETE ${V1}/users/${ALICE}/override_ratelimit` },
  ],
  'user: devices, connections, rooms': [
    {
      request: `GET ${V2}/users/${ALICE}/devices?${LIST}`,
      reads: {
        devices: having(
          like({ device_id: 'shared_secret_registration', last_seen_ip: '127.0.0.1', last_seen_ts: time }),
        ),
        total: 3,
      },
    },
    { request: `POST ${V2}/users/${ALICE}/devices`, body: { device_id: 'NEW' }, status: 201 },
    { request: `PUT ${V2}/users/${ALICE}/devices/NEW`, body: { display_name: 'renamed' } },
    { request: `DELETE ${V2}/users/${ALICE}/devices/NEW` },
    { request: `POST ${V2}/users/${CAROL}/delete_devices`, body: { devices: ['none'] } },
    {
      // The console reads the connections of the device without id.
      request: `GET ${V1}/whois/${ALICE}`,
      reads: {
        user_id: alice.user_id,
        devices: { '': { sessions: [{ connections: having({ ip: '127.0.0.1', last_seen: time, user_agent: id }) }] } },
      },
    },
    {
      request: `GET ${V1}/users/${ALICE}/joined_rooms?${LIST}`,
      reads: { joined_rooms: having(roomNamed('v10')), total: 18 },
    },
    {
      request: `GET ${V1}/users/${ALICE}/memberships?${LIST}`,
      reads: { memberships: like({ [roomNamed('v10')]: 'join' }) },
    },
  ],
  'user: buttons': [
    { request: `POST ${V1}/users/${ALICE}/login`, body: { valid_until_ms: YEAR_2100 }, reads: { access_token: id } },
    { request: `POST ${V1}/users/${ALICE}/login`, body: {}, reads: { access_token: id } },
    {
      request: `POST ${V1}/users/${CAROL}/_allow_cross_signing_replacement_without_uia`,
      body: {},
      reads: { updatable_without_uia_before_ms: time },
    },
    {
      request: `POST ${V1}/account_validity/validity`,
      body: { user_id: alice.user_id, enable_renewal_emails: true },
      status: 400,
      reads: { error: id },
    },
    {
      request: `POST ${V1}/send_server_notice`,
      body: { user_id: alice.user_id, content: { msgtype: 'm.text', body: 'Hello' } },
      reads: { event_id: id },
    },
    { request: `POST ${V1}/reset_password/${ERIN}`, body: { new_password: 'a-new-password', logout_devices: true } },
    { request: `PUT ${V1}/suspend/${ERIN}`, body: { suspend: true } },
    { request: `POST ${V1}/users/${ERIN}/shadow_ban` },
    { request: `GET ${V2}/users/${ERIN}`, reads: { suspended: true, shadow_banned: true } },
    {
      request: `PUT ${V2}/users/${ERIN}`,
      body: { ...WHOLE_USER, admin: true, shadow_banned: true },
      reads: { admin: true },
    },
    // The console sends these two when an administrator is saved.
    { request: `PUT ${V1}/suspend/${ERIN}`, body: { suspend: false } },
    { request: `DELETE ${V1}/users/${ERIN}/shadow_ban` },
    {
      request: `PUT ${V2}/users/${ERIN}`,
      body: WHOLE_USER,
      reads: {
        admin: false,
        displayname: 'Erin E.',
        avatar_url: WHOLE_USER.avatar_url,
        suspended: false,
        shadow_banned: false,
      },
    },
    {
      request: `PUT ${V2}/users/${encodeURIComponent(`@zoe:${SERVER_NAME}`)}`,
      body: { id: 'zoe', displayname: 'Zoe', password: 'password-of-zoe', threepids: '', avatar_url: '' },
      status: 201,
      reads: { name: `@zoe:${SERVER_NAME}`, displayname: 'Zoe' },
    },
    { request: `POST ${V1}/user/${BOB}/redact`, body: { rooms: [] }, reads: { redact_id: id }, keeps: 'redact_id' },
    {
      request: `GET ${V1}/user/redact_status/{redact_id}`,
      polls: true,
      reads: { status: 'complete', failed_redactions: {} },
    },
    { request: `POST ${V1}/deactivate/${encodeURIComponent(frank.user_id)}`, body: { erase: true } },
    { request: `GET ${V2}/users/${encodeURIComponent(frank.user_id)}`, reads: { deactivated: true, erased: true } },
  ],
  rooms: [
    {
      request: `GET ${V1}/rooms?from=0&limit=50&order_by=name&dir=f`,
      reads: {
        rooms: having(
          like({
            room_id: roomNamed('v10'),
            name: 'Room v10',
            canonical_alias: id,
            joined_members: 4,
            creator: alice.user_id,
            encryption: null,
            federatable: true,
            public: true,
            room_type: null,
          }),
        ),
        total_rooms: expect.any(Number),
      },
    },
    {
      request: `GET ${V1}/rooms?from=0&limit=50&search_term=v10&public_rooms=true&order_by=joined_members&dir=b`,
      reads: { total_rooms: 1 },
    },
    {
      request: `GET ${V1}/rooms/${V10}`,
      reads: {
        room_id: roomNamed('v10'),
        topic: 'Topic for version 10',
        avatar: null,
        joined_members: 4,
        joined_local_members: 3,
        joined_local_devices: 6,
        state_events: 12,
        version: '10',
        join_rules: 'public',
        guest_access: null,
        history_visibility: 'shared',
        creator: alice.user_id,
      },
    },
    { request: `GET ${V1}/rooms/${V10}/members?${LIST}`, reads: { members: having(alice.user_id), total: 4 } },
    {
      request: `GET ${V1}/rooms/${V10}/state?${LIST}`,
      reads: {
        state: having(
          like({
            event_id: id,
            type: 'm.room.name',
            sender: alice.user_id,
            origin_server_ts: time,
            content: { name: 'Room v10' },
          }),
        ),
      },
    },
  ],
  'room: messages': [
    {
      request: `GET ${V1}/rooms/${V10}/timestamp_to_event?ts=${YEAR_2100}&dir=b`,
      reads: { event_id: id, origin_server_ts: time },
      keeps: 'event_id',
    },
    {
      request: `GET ${V1}/rooms/${V10}/context/{event_id}?limit=0`,
      reads: {
        start: id,
        end: id,
        event: like({ event_id: id, type: 'm.room.redaction', sender: bob.user_id }),
        events_before: [],
        events_after: [],
      },
      keeps: 'end',
    },
    {
      request: `GET ${V1}/rooms/${V10}/messages?from={end}&limit=20&dir=b`,
      reads: {
        chunk: having(
          like({ event_id: id, sender: bob.user_id, type: id, origin_server_ts: time, content: expect.any(Object) }),
        ),
        start: id,
      },
    },
    {
      request: `GET ${V1}/rooms/${V10}/messages?from={end}&limit=20&dir=b&filter=${encodeURIComponent('{"types":["m.room.message"],"not_senders":["@x:y"],"contains_url":true}')}`,
      reads: { chunk: [like({ content: like({ body: 'picture' }) })] },
    },
    {
      request: `GET ${V1}/rooms/{space}/hierarchy?limit=50&max_depth=1`,
      reads: {
        rooms: [
          like({ room_type: 'm.space', children_state: [expect.any(Object)] }),
          like({ room_id: roomNamed('v10'), name: 'Room v10', num_joined_members: 4 }),
        ],
      },
    },
    {
      request: `GET ${V1}/fetch_event/{picture}`,
      reads: { event: like({ sender: alice.user_id, content: like({ body: 'picture' }) }) },
    },
    {
      request: `GET ${V1}/rooms/${V10}/forward_extremities?${LIST}`,
      reads: {
        results: [
          like({ event_id: id, state_group: expect.any(Number), depth: expect.any(Number), received_ts: null }),
        ],
        count: 1,
      },
    },
    { request: `DELETE ${V1}/rooms/${V10}/forward_extremities`, reads: { deleted: 0 } },
  ],
  'room: buttons': [
    { request: `PUT ${CLIENT}/directory/list/room/${V10}`, body: { visibility: 'private' } },
    { request: `GET ${V1}/rooms/${V10}`, reads: { public: false } },
    { request: `PUT ${CLIENT}/directory/list/room/${V10}`, body: { visibility: 'public' } },
    { request: `PUT ${V1}/rooms/${V10}/block`, body: { block: true }, reads: { block: true } },
    { request: `GET ${V1}/rooms/${V10}/block`, reads: { block: true, user_id: admin.user_id } },
    { request: `PUT ${V1}/rooms/${V10}/block`, body: { block: false }, reads: { block: false } },
    { request: `POST ${V1}/join/${V10}`, body: { user_id: dave.user_id }, reads: { room_id: roomNamed('v10') } },
    { request: `GET ${V1}/rooms/${V10}/members`, reads: { members: having(dave.user_id), total: 5 } },
    { request: `POST ${V1}/rooms/${V10}/make_room_admin`, body: { user_id: bob.user_id } },
    {
      request: `POST ${V1}/purge_history/${V9}`,
      body: { purge_up_to_ts: YEAR_2100, delete_local_events: true },
      reads: { purge_id: id },
      keeps: 'purge_id',
    },
    { request: `GET ${V1}/purge_history_status/{purge_id}`, polls: true, reads: { status: 'complete' } },
    {
      request: `DELETE ${V2}/rooms/${V8}`,
      body: { block: false, purge: true, force_purge: false },
      reads: { delete_id: id },
      keeps: 'delete_id',
    },
    { request: `GET ${V2}/rooms/delete_status/{delete_id}`, polls: true, reads: { status: 'complete' } },
    {
      request: `GET ${CLIENT}/publicRooms?from=0&limit=50&order_by=id&dir=f`,
      reads: {
        chunk: having(
          like({
            room_id: roomNamed('v10'),
            name: 'Room v10',
            num_joined_members: 5,
            guest_can_join: false,
            world_readable: false,
          }),
        ),
        total_room_count_estimate: expect.any(Number),
      },
    },
  ],
  media: [
    {
      request: `GET ${V1}/users/${ALICE}/media?from=0&limit=10&order_by=created_ts&dir=b`,
      reads: {
        media: [uploadOf(MEDIA.aliceText, 'text/plain', 10), uploadOf(MEDIA.alicePicture, 'image/png', 62_560)],
        total: 2,
      },
    },
    {
      request: `GET ${V1}/room/${V10}/media?${LIST}`,
      reads: { local: [`mxc://${SERVER_NAME}/${MEDIA.alicePicture}`], remote: [], total: 1 },
    },
    {
      request: `GET ${V1}/media/${SERVER_NAME}/${MEDIA.aliceText}`,
      reads: { media_info: like({ media_id: MEDIA.aliceText, media_type: 'text/plain' }) },
    },
    { request: `POST ${V1}/media/protect/${MEDIA.aliceText}`, body: {} },
    {
      request: `GET ${V1}/users/${ALICE}/media`,
      reads: { media: having(like({ media_id: MEDIA.aliceText, safe_from_quarantine: true })) },
    },
    { request: `POST ${V1}/media/unprotect/${MEDIA.aliceText}`, body: {} },
    { request: `POST ${V1}/media/quarantine/${SERVER_NAME}/${MEDIA.aliceText}`, body: {} },
    {
      request: `GET ${V1}/users/${ALICE}/media`,
      reads: { media: having(like({ media_id: MEDIA.aliceText, quarantined_by: admin.user_id })) },
    },
    { request: `POST ${V1}/media/unquarantine/${SERVER_NAME}/${MEDIA.aliceText}`, body: {} },
    { request: `POST ${V1}/room/${V10}/media/quarantine`, body: {}, reads: { num_quarantined: 1 } },
    { request: `POST ${V1}/user/${CAROL}/media/quarantine`, body: {}, reads: { num_quarantined: 2 } },
    {
      request: `GET ${V1}/statistics/users/media?from=0&limit=50&order_by=media_length&dir=b`,
      reads: {
        users: [carol, alice].map(({ user_id: userId }) =>
          like({ user_id: userId, displayname: id, media_count: 2, media_length: expect.any(Number) }),
        ),
        total: 2,
      },
    },
    {
      request: `DELETE ${V1}/media/${SERVER_NAME}/${MEDIA.aliceText}`,
      reads: { deleted_media: [MEDIA.aliceText], total: 1 },
    },
    { request: `DELETE ${V1}/users/${ALICE}/media`, reads: { deleted_media: [MEDIA.alicePicture], total: 1 } },
    { request: `POST ${V1}/media/delete?before_ts=${YEAR_2100}&size_gt=0&keep_profiles=true`, reads: { total: 2 } },
    { request: `POST ${V1}/purge_media_cache?before_ts=${YEAR_2100}`, reads: { deleted: 1 } },
  ],
  reports: [
    {
      request: `GET ${V1}/event_reports?from=0&limit=50&order_by=received_ts&dir=b`,
      reads: {
        event_reports: having(
          like({
            id: 3,
            received_ts: time,
            user_id: bob.user_id,
            name: 'Moderated',
            score: 0,
            room_id: roomNamed('moderated'),
          }),
        ),
        total: 3,
      },
    },
    {
      request: `GET ${V1}/event_reports/3`,
      reads: { id: 3, sender: carol.user_id, event_id: id, event_json: like({ type: 'm.room.message' }) },
    },
    // To delete a report, the console sends the report.
    {
      request: `DELETE ${V1}/event_reports/3`,
      body: {
        id: 3,
        received_ts: 1,
        room_id: '!x:y',
        event_id: '$x',
        user_id: '@x:y',
        sender: '@x:y',
        reason: '',
        score: 0,
        name: 'x',
        status: 'open',
        event_json: {},
      },
    },
    {
      request: `GET ${V1}/user_reports?from=0&limit=50&order_by=received_ts&dir=b`,
      reads: {
        user_reports: [
          like({ id: 1, received_ts: time, user_id: alice.user_id, target_user_id: bob.user_id, reason: 'spammer' }),
        ],
        total: 1,
      },
    },
    { request: `GET ${V1}/user_reports/1`, reads: { id: 1, target_user_id: bob.user_id } },
    {
      request: `DELETE ${V1}/user_reports/1`,
      body: { id: 1, received_ts: 1, user_id: '@x:y', target_user_id: '@x:y', reason: 'x', status: 'open' },
    },
    { request: `GET ${V1}/user_reports`, reads: { user_reports: [], total: 0 } },
  ],
  federation: [
    {
      request: `GET ${V1}/federation/destinations?from=0&limit=50&order_by=destination&dir=f`,
      reads: {
        destinations: [
          like({
            destination: REMOTE,
            retry_last_ts: 0,
            retry_interval: 0,
            failure_ts: null,
            last_successful_stream_ordering: null,
          }),
        ],
        total: 1,
      },
    },
    { request: `GET ${V1}/federation/destinations/${encodeURIComponent(REMOTE)}`, reads: { destination: REMOTE } },
    {
      request: `GET ${V1}/federation/destinations/${REMOTE}/rooms?from=0&limit=50&order_by=id&dir=b`,
      reads: { rooms: having(like({ room_id: roomNamed('v10'), stream_ordering: null })), total: expect.any(Number) },
    },
    { request: `POST ${V1}/federation/destinations/${REMOTE}/reset_connection` },
  ],
  'statistics and tasks': [
    {
      request: `GET ${V1}/statistics/database/rooms`,
      reads: { rooms: having(like({ room_id: roomNamed('v10'), estimated_size: expect.any(Number) })) },
    },
    {
      request: `GET ${V1}/scheduled_tasks?from=0&limit=50&order_by=id&dir=b`,
      reads: {
        scheduled_tasks: having(
          like({
            id,
            action: 'shutdown_and_purge_room',
            status: 'complete',
            timestamp_ms: time,
            resource_id: roomNamed('v8'),
            result: expect.any(Object),
            error: null,
          }),
        ),
      },
    },
    {
      request: `GET ${V1}/scheduled_tasks?from=0&limit=50&order_by=id&dir=b&action_name=shutdown_and_purge_room&resource_id=${V8}&status=failed&max_timestamp=${YEAR_2100}`,
      reads: { scheduled_tasks: [] },
    },
  ],
  'registration tokens': [
    {
      request: `POST ${V1}/registration_tokens/new`,
      body: { token: 'console', uses_allowed: 3 },
      reads: { token: 'console', uses_allowed: 3, pending: 0, completed: 0, expiry_time: null },
    },
    {
      request: `GET ${V1}/registration_tokens?from=0&limit=50&valid=true&order_by=id&dir=f`,
      reads: { registration_tokens: having(like({ token: 'console' })) },
    },
    // To change a token, the console sends the whole token.
    {
      request: `PUT ${V1}/registration_tokens/console`,
      body: { token: 'console', uses_allowed: 5, pending: 0, completed: 0, id: 'console' },
      reads: { token: 'console', uses_allowed: 5 },
    },
    { request: `DELETE ${V1}/registration_tokens/console` },
  ],
};

/** What synadm sends and Ketesa does not. `npm run test:clients` runs synadm itself. */
const SYNADM: Readonly<Record<string, readonly Asked[]>> = {
  user: [
    {
      request: `GET ${V2}/users?from=0&limit=100&guests=true&name=&user_id=&dir=b&locked=true&order_by=creation_ts`,
      reads: { users: having(like({ name: dave.user_id })), total: expect.any(Number) },
    },
    { request: `GET ${V1}/whois/${DAVE}`, reads: { user_id: dave.user_id } },
    { request: `PUT ${V2}/users/${DAVE}`, body: { password: 'a-new-password', logout_devices: false } },
    {
      request: `POST ${V1}/user/${DAVE}/redact`,
      body: { rooms: [], reason: 'spam', limit: 10 },
      reads: { redact_id: id },
    },
    {
      request: `GET ${CLIENT.replace('v3', 'r0')}/rooms/${V10}/aliases`,
      reads: { aliases: [`#room-v10:${SERVER_NAME}`] },
    },
  ],
  room: [
    {
      request: `GET ${CLIENT.replace('v3', 'r0')}/directory/room/%23room-v10:${SERVER_NAME}`,
      reads: { room_id: roomNamed('v10') },
    },
    {
      request: `GET ${V1}/rooms?from=0&limit=1&order_by=name&dir=f`,
      reads: { rooms: [expect.any(Object)], next_batch: 1 },
    },
    {
      request: `POST ${V1}/join/%23room-v10:${SERVER_NAME}`,
      body: { user_id: alice.user_id },
      reads: { room_id: roomNamed('v10') },
    },
    { request: `POST ${V1}/rooms/${V10}/make_room_admin`, body: {} },
    { request: `GET ${V1}/rooms/${V7}/members`, reads: { members: having(alice.user_id), total: 4 } },
    {
      request: `DELETE ${V1}/rooms/${V7}`,
      body: { block: false, purge: true },
      reads: {
        kicked_users: having(alice.user_id),
        failed_to_kick_users: [],
        local_aliases: [],
        new_room_id: null,
      },
    },
    { request: `DELETE ${V2}/rooms/${V6}`, body: { block: false, purge: true }, reads: { delete_id: id } },
    {
      request: `GET ${V2}/rooms/${V6}/delete_status`,
      polls: true,
      reads: { results: [like({ delete_id: id, status: 'complete' })] },
    },
  ],
  history: [
    {
      request: `POST ${V1}/purge_history/${V5}`,
      body: { delete_local_events: false, purge_up_to_ts: YEAR_2100 },
      reads: { purge_id: id },
      keeps: 'purge_id',
    },
    { request: `GET ${V1}/purge_history_status/{purge_id}`, polls: true, reads: { status: 'complete' } },
  ],
  media: [
    { request: `GET ${V1}/users/${DAVE}/media?from=0&limit=100`, reads: { media: [], total: 0 } },
    { request: `GET ${V1}/room/${V10}/media`, reads: { local: expect.any(Array), remote: [] } },
    {
      request: `POST ${V1}/media/delete?before_ts=1600000000000&size_gt=0&keep_profiles=false`,
      body: {},
      reads: { deleted_media: [], total: 0 },
    },
    { request: `POST ${V1}/purge_media_cache?before_ts=1600000000000`, body: {}, reads: { deleted: 0 } },
  ],
};

describe('Ketesa', () => {
  it.each(Object.entries(KETESA))('%s', async (_screen, requests) => {
    for (const asked of requests) await expectAnswer(asked);
  });
});

describe('synadm', () => {
  it.each(Object.entries(SYNADM))('%s', async (_commands, requests) => {
    for (const asked of requests) await expectAnswer(asked);
  });
});
