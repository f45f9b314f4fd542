import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FixtureHomeserver,
  fixture,
  request,
  roomNamed,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver({ metricsCredentials: { user: 'prometheus', password: 'a:secret' } });
});
afterAll(() => server.stop());

describe('monitoring', () => {
  test.each(['/_dendrite/monitor/up', '/_dendrite/monitor/health', '/health'])('%s', async (path) => {
    const { status, body } = await server.call(undefined, 'GET', path);
    expect([status, body]).toEqual([200, '']);
  });

  test('metrics need the password', async () => {
    const scrape = (authorization?: string): ReturnType<typeof request> =>
      request(new URL('/metrics', server.origin), authorization === undefined ? {} : { headers: { authorization } });
    const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;
    for (const refused of [undefined, 'Bearer x', 'Basic !', basic('prometheus:a'), basic('x:a:secret'), basic('')]) {
      const { status, headers } = await scrape(refused);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toContain('Basic');
    }
    const { status, headers, body } = await scrape(basic('prometheus:a:secret'));
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(body).toMatch(/^process_cpu_seconds_total /m);
    expect(body).toMatch(/^# TYPE matrix_admin_jobs gauge$/m);
  });
});

test('metrics show the last progress of the running job that has been stuck for the longest time', async () => {
  const at = (second: number): Date => new Date(1_700_000_000_000 + second * 1_000);
  // Another process runs these jobs.
  const running = { kind: 'test', state: 'running', created_by: 'x', started_at: at(0), lease_until: 'infinity' };
  const { db } = server.homeserver;
  await db('matrix_admin.jobs').insert([
    { ...running, progressed_at: at(7) },
    { ...running, progressed_at: at(5) },
    { ...running, kind: 'fresh', started_at: at(9) },
    { ...running, state: 'succeeded', progressed_at: at(1) },
  ]);
  const headers = { authorization: `Basic ${Buffer.from('prometheus:a:secret').toString('base64')}` };
  const scrape = async (): Promise<string[]> => {
    const { body } = await request(new URL('/metrics', server.origin), { headers });
    return String(body).match(/^matrix_admin_job_last_progress_timestamp_seconds\{.*$/gm) ?? [];
  };
  await expect
    .poll(async () => (await scrape()).toSorted())
    .toEqual([
      'matrix_admin_job_last_progress_timestamp_seconds{kind="fresh"} 1700000009',
      'matrix_admin_job_last_progress_timestamp_seconds{kind="test"} 1700000005',
    ]);
  await db('matrix_admin.jobs').delete();
  await expect.poll(scrape).toEqual([]);
});

describe('paths', () => {
  test('versions', async () => {
    const { status, body } = await server.call(undefined, 'GET', '/_matrix/client/versions');
    expect(status).toBe(200);
    expect(body.versions).toContain('v1.1');
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/_matrix/client/v3/nothing', 404],
    ['GET', '/_matrix/client/v3/login/', 404],
    ['PUT', '/_matrix/client/v3/rooms//send/m.room.message/1', 404],
    ['DELETE', '/_matrix/client/v3/login', 405],
    ['GET', '/_matrix/client/v3/search', 405],
  ])('%s %s is not recognised', async (method, path, expected) => {
    const { status, headers, body } = await server.call('alice', method, path);
    expect([status, body]).toEqual([expected, { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' }]);
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  test.each(['/_matrix/client/v3/login', '/_matrix/client/v3/search', '/anywhere'])('OPTIONS %s', async (path) => {
    const { status, headers, body } = await server.call(undefined, 'OPTIONS', path);
    expect([status, body]).toEqual([200, '']);
    expect(headers.get('access-control-allow-headers')).toContain('Authorization');
    expect(headers.get('access-control-allow-methods')).toContain('PUT');
  });

  test('connections stay open longer than those of reverse proxies, so that no request is lost', async () => {
    const { headers } = await server.call(undefined, 'GET', '/_matrix/client/versions');
    expect(headers.get('keep-alive')).toBe('timeout=75');
  });

  test('the admin API is mounted', async () => {
    expect((await server.call('admin', 'GET', '/_dendrite/admin/jobs')).status).toBe(200);
    expect((await server.call('alice', 'GET', '/_dendrite/admin/jobs')).status).toBe(403);
  });
});

describe('bodies', () => {
  const login = '/_matrix/client/v3/login';
  test.each([
    ['no JSON', '{'],
    ['a string', '"hello"'],
    ['trailing garbage', '{}{}'],
    ['a poisoned prototype', '{"__proto__":{"type":"m.login.password"}}'],
  ])('%s', async (_name, body) => {
    const answer = await server.call(undefined, 'POST', login, body);
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_NOT_JSON']);
  });

  test('a list', async () => {
    const { status, body } = await server.call(undefined, 'POST', login, '[]');
    expect([status, body.errcode]).toEqual([400, 'M_BAD_JSON']);
  });

  test('a very long one', async () => {
    const { status, body } = await server.call(undefined, 'POST', login, `{"user":"${'x'.repeat(300_000)}"}`);
    expect([status, body.errcode]).toEqual([413, 'M_TOO_LARGE']);
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain', ''])(
    'sent as %s are still parsed as JSON',
    async (type) => {
      const { alice } = fixture.users;
      const body = JSON.stringify({ type: 'm.login.password', user: 'alice', password: alice.password });
      const headers = { 'content-type': type };
      const { status } = await request(new URL(login, server.origin), { method: 'POST', headers, body });
      expect(status).toBe(200);
    },
  );
});

const SEGMENTS = [
  'm.room.message',
  roomNamed('v10'),
  roomNamed('v1'),
  '$x',
  '!x:y',
  '%00',
  '%',
  '%ff',
  '..',
  '\u{1f600}',
];
const CONTENTS = [
  '{"body":"\\u0000"}',
  '{"body":"\\ud800"}',
  '{"body":1.5}',
  '{"body":1e400}',
  `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  '{"body":"x","m.new_content":{"body":"y"},"m.relates_to":{"rel_type":"m.replace","event_id":"$\\u0000"}}',
  '{"m.relates_to":{"rel_type":"m.annotation","event_id":"\\u0000"}}',
  '{"body":"x","m.new_content":{"body":"y"},"m.relates_to":{"rel_type":"m.replace","event_id":"$\\ud800"}}',
  '{"search_categories":{"room_events":{"search_term":"\\u0000\\ud800 %_\\\\ \' & | ! :* <->"}}}',
  '{"search_categories":{"room_events":{"search_term":"hello","filter":{"rooms":["\\u0000"],"limit":1e308}}}}',
  '{"reason":"\\u0000"}',
  '{"search_term":"\\u0000","displayname":"\\u0000","display_name":"\\ud800","limit":1e308}',
  '{"filter":{"generic_search_term":"\\u0000","room_types":["\\ud800",null]},"since":"9999999999"}',
  '{"name":"\\u0000","room_alias_name":"\\ud800","initial_state":[{"type":"\\u0000","content":{}}],"invite":["@x:y"]}',
  '{"power_level_content_override":{"users":{"x":"\\u0000"}},"creation_content":{"creator":1,"room_version":[]}}',
  '{"user_id":"@\\u0000:localhost","m.fully_read":"$\\u0000","auth":{"type":"m.login.registration_token"}}',
  '{"type":"m.login.password","user":"\\ud800","password":"\\u0000"}',
];

const ROOM_ROUTES = [
  'state/A/B',
  'members?membership=A&not_membership=B',
  'messages?from=A&filter=B&dir=f',
  'messages?filter={"types":["A"],"senders":["B"]}',
  'event/A',
  'context/A?limit=B',
  'receipt/m.read/A',
  'read_markers',
  'invite',
  'ban',
  'aliases',
];
const ROUTES = [
  'createRoom',
  'register',
  'directory/room/A',
  'directory/list/room/A',
  'publicRooms?since=A&limit=1',
  'publicRooms?limit=A',
  'user_directory/search',
  'join/A',
  'knock/A',
  'profile/A',
  `profile/${fixture.users.alice.user_id}/displayname`,
  `user/${fixture.users.alice.user_id}/account_data/A`,
  `user/${fixture.users.alice.user_id}/filter`,
  `user/${fixture.users.alice.user_id}/filter/A`,
  `user/${fixture.users.alice.user_id}/rooms/!x:y/tags/A`,
  'devices/A',
];

test('no request of a client is answered with 5xx', async () => {
  const segment = fc.oneof(
    fc.constantFrom(...SEGMENTS),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed())),
  );
  const path = fc.oneof(
    fc.tuple(segment, segment, segment).map(([a, b, c]) => `/_matrix/client/v3/rooms/${a}/send/${b}/${c}`),
    fc.tuple(segment, segment).map(([a, b]) => `/_matrix/client/v3/rooms/${roomNamed('v10')}/send/${a}/${b}`),
    fc.tuple(segment, segment).map(([a, b]) => `/_matrix/client/v3/rooms/${roomNamed('v10')}/redact/${a}/${b}`),
    segment.map((next) => `/_matrix/client/v3/search?next_batch=${next}`),
    fc
      .tuple(fc.constantFrom(...ROOM_ROUTES), segment, segment)
      .map(([route, a, b]) => `/_matrix/client/v3/rooms/${roomNamed('v10')}/${route.replace('A', a).replace('B', b)}`),
    fc.tuple(fc.constantFrom(...ROUTES), segment).map(([route, a]) => `/_matrix/client/v3/${route.replace('A', a)}`),
    fc.constantFrom('/_matrix/client/v3/login', '/_matrix/client/v3/account/whoami', '/%', '/_matrix/%00'),
  );
  const body = fc.oneof(fc.constantFrom(...CONTENTS), fc.json(), fc.string());
  const method = fc.constantFrom('PUT', 'POST', 'GET');
  await fc.assert(
    fc.asyncProperty(method, path, body, async (verb, target, sent) => {
      const { status } = await server.call('alice', verb, target, verb === 'GET' ? undefined : sent);
      expect(status).toBeLessThan(500);
    }),
    {
      numRuns: 300,
      examples: CONTENTS.map((text, index) => ['PUT', sendPath('v10', undefined, `hostile-${index}`), text]),
    },
  );
}, 60_000);
