import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostileQueries } from '../support/arbitrary-texts.ts';
import {
  type Answer,
  type FixtureHomeserver,
  fixture,
  type Json,
  roomNamed,
  searchFor,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const SEARCH = '/_matrix/client/v3/search';
type Member = 'alice' | 'bob' | 'carol' | 'frank';

async function send(user: Member, room: string, content: unknown, type?: string): Promise<string> {
  const { body } = await server.call(user, 'PUT', sendPath(room, type), content);
  return body.event_id;
}
const say = (user: Member, room: string, body: string): Promise<string> =>
  send(user, room, { msgtype: 'm.text', body });

const search = (user: Member, body: unknown, query = ''): Promise<Answer> =>
  server.call(user, 'POST', SEARCH + query, body);
const roomEventsOf = ({ body }: Answer): Json => body.search_categories.room_events;
const idsOf = (answer: Answer): string[] =>
  roomEventsOf(answer).results.map((hit: { result: { event_id: string } }) => hit.result.event_id);

describe('search', () => {
  test('answers in the shape of the specification', async () => {
    const eventId = await say('bob', 'v10', 'A pangolin, rolled up');
    const { status, headers, body } = await search('alice', searchFor('PANGOLIN'));
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(body).toEqual({
      search_categories: {
        room_events: {
          count: 1,
          highlights: ['pangolin'],
          results: [
            {
              rank: expect.any(Number),
              result: {
                type: 'm.room.message',
                event_id: eventId,
                room_id: roomNamed('v10'),
                sender: fixture.users.bob.user_id,
                origin_server_ts: expect.any(Number),
                content: { msgtype: 'm.text', body: 'A pangolin, rolled up' },
              },
            },
          ],
        },
      },
    });
  });

  test.each([
    ['数据库昨晚坏了', '据库'],
    ['会議は三時からです', '会議'],
    ['어젯밤에 데이터베이스가 멈췄어요', '데이터베이스'],
    ['Die Straße ist gesperrt', 'straße'],
  ])('finds %s by %s', async (text, term) => {
    const eventId = await say('bob', 'v10', text);
    expect(idsOf(await search('alice', searchFor(term)))).toEqual([eventId]);
  });

  test('answers any search term, and never with events that the caller may not see', async () => {
    await say('frank', 'dm', 'a secret okapi, words OR café 漢字');
    for (const query of fc.sample(hostileQueries, 200)) {
      const answer = await search('bob', searchFor(query));
      expect([200, 400], query).toContain(answer.status);
      const rooms = answer.status === 200 ? roomEventsOf(answer).results : [];
      expect(rooms.filter((hit: { result: { room_id: string } }) => hit.result.room_id === roomNamed('dm'))).toEqual(
        [],
      );
    }
  });

  test('pages through each event once, newest first', async () => {
    const sent: string[] = [];
    for (let i = 0; i < 25; i++) sent.push(await say('bob', i % 2 === 0 ? 'v10' : 'v11', `page ${i} of the almanac`));
    const body = searchFor('almanac', { order_by: 'recent', filter: { limit: 10 } });
    const seen: string[] = [];
    let query = '';
    for (let page = 0; page < 3; page++) {
      const answer = await search('alice', body, query);
      expect(roomEventsOf(answer).count).toBe(25);
      seen.push(...idsOf(answer));
      query = `?next_batch=${encodeURIComponent(roomEventsOf(answer).next_batch)}`;
    }
    expect(query).toBe('?next_batch=undefined');
    expect(seen).toEqual(sent.reverse());
  });

  test('returns ten events a page by default, and at most a hundred', async () => {
    await Promise.all(Array.from({ length: 101 }, () => say('bob', 'v9', 'hundred and one')));
    for (const [limit, size] of [
      [undefined, 10],
      [0, 10],
      [3, 3],
      [5_000, 100],
    ]) {
      expect(idsOf(await search('alice', searchFor('hundred', { filter: { limit } })))).toHaveLength(size ?? 0);
    }
  });

  test('searches only the wanted rooms among those of the caller', async () => {
    const inDm = await say('frank', 'dm', 'a secret platypus');
    const inRoom = await say('bob', 'v10', 'a public platypus');
    expect(idsOf(await search('frank', searchFor('platypus')))).toEqual([inDm]);
    expect(idsOf(await search('bob', searchFor('platypus')))).toEqual([inRoom]);
    const everywhere = [roomNamed('dm'), roomNamed('v10')];
    expect(idsOf(await search('bob', searchFor('platypus', { filter: { rooms: everywhere } })))).toEqual([inRoom]);
    for (const rooms of [[roomNamed('dm')], [], ['!nowhere:example.org'], ['\0'], [roomNamed('v10').toLowerCase()]]) {
      const answer = await search('bob', searchFor('platypus', { filter: { rooms } }));
      expect(roomEventsOf(answer)).toEqual({ count: 0, results: [], highlights: [] });
    }
  });

  test('searches the wanted keys', async () => {
    await say('alice', 'v10', 'axolotl of the body');
    const body = searchFor('axolotl', { keys: ['content.topic', 'content.name'] });
    expect(idsOf(await search('alice', body))).toEqual([]);
    expect(idsOf(await search('alice', searchFor('axolotl', { keys: ['content.body'] })))).toHaveLength(1);
  });

  test('does not show a deleted event, even if the index has it', async () => {
    const { db } = server.homeserver;
    const gone = await say('bob', 'v10', 'thylacine one');
    const redacted = await say('bob', 'v10', 'thylacine two');
    const row = await db('syncapi_output_room_events').where('event_id', redacted).first();
    const json = { ...JSON.parse(row.headered_event_json), content: {}, unsigned: { redacted_because: {} } };
    await db('syncapi_output_room_events')
      .where('event_id', redacted)
      .update('headered_event_json', JSON.stringify(json));
    await db('syncapi_output_room_events').where('event_id', gone).delete();
    expect(idsOf(await search('alice', searchFor('thylacine')))).toEqual([]);
  });

  test('finds messages once and right after a reindex through the admin API', async () => {
    const eventId = await say('bob', 'v10', 'before the reindex: tuatara');
    const started = await server.call('admin', 'POST', '/_dendrite/admin/fulltext/reindex', {});
    expect(started.status).toBe(202);
    const job = await server.homeserver.admin.jobs.wait(started.body.job_id);
    expect(job.state).toBe('succeeded');
    expect(idsOf(await search('alice', searchFor('tuatara')))).toEqual([eventId]);
    expect(roomEventsOf(await search('alice', searchFor('hello'))).count).toBeGreaterThan(0);
  });

  test('needs no category', async () => {
    expect((await search('alice', { search_categories: {} })).body).toEqual({ search_categories: {} });
  });

  test.each([
    ['no body', {}],
    ['no term', { search_categories: { room_events: {} } }],
    ['an empty term', searchFor('')],
    ['another order', searchFor('x', { order_by: 'best' })],
    ['another key', searchFor('x', { keys: ['content.url'] })],
    ['a negative limit', searchFor('x', { filter: { limit: -1 } })],
    ['rooms that are no list', searchFor('x', { filter: { rooms: '!a:b' } })],
    ['an endless term', searchFor('x'.repeat(10_000))],
  ])('refuses %s', async (_name, body) => {
    const answer = await search('alice', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errcode).toMatch(/^M_(BAD_JSON|INVALID_PARAM)$/);
  });

  test('refuses an unknown next_batch', async () => {
    for (const nextBatch of ['x', '%00', '-1', 'eyJh']) {
      expect((await search('alice', searchFor('hello'), `?next_batch=${nextBatch}`)).status).toBe(400);
    }
  });

  test('needs an access token', async () => {
    expect((await server.call(undefined, 'POST', SEARCH, searchFor('x'))).status).toBe(401);
  });
});

describe('search that is switched off', () => {
  test('answers with an error, and messages are still sent', async () => {
    const without = await startFixtureHomeserver({ search: false });
    try {
      const { status, body } = await without.call('alice', 'POST', SEARCH, searchFor('hello'));
      expect([status, body]).toEqual([
        501,
        { errcode: 'M_UNKNOWN', error: 'Search has been disabled by the server administrator.' },
      ]);
      expect((await without.call('bob', 'PUT', sendPath('v10'), { body: 'hello' })).status).toBe(200);
    } finally {
      await without.stop();
    }
  });
});
