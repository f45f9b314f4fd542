import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ADMIN = '/_synapse/admin/v1';
const ROOMS = server.rooms;
const encode = encodeURIComponent;

interface Event {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly [key: string]: unknown;
}
interface Page {
  readonly chunk: Event[];
  readonly start: string;
  readonly end?: string;
}

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const get = (path: string): Promise<Answer> => plugin.asAdmin(ADMIN + path);
async function ok<T>(path: string): Promise<T> {
  const answer = await get(path);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}
/** Lists the events of a room in the order of their arrival. */
const timeline = (roomId: string): Promise<string[]> =>
  db('syncapi_output_room_events').where('room_id', roomId).orderBy('id').pluck('event_id');
const idsOf = (events: readonly Event[]): string[] => events.map(({ event_id }) => event_id);
const messages = (roomId: string, query = ''): Promise<Page> => ok(`/rooms/${encode(roomId)}/messages?${query}`);

describe('the messages of a room', () => {
  async function pages(roomId: string, query: string): Promise<Page[]> {
    const all: Page[] = [];
    let from = '';
    for (;;) {
      const page = await messages(roomId, `${query}${from}`);
      all.push(page);
      if (page.end === undefined) return all;
      from = `&from=${encode(page.end)}`;
    }
  }

  it.each([ROOMS.v1, ROOMS.v12, ROOMS.remote])('contain all events, page by page: %s', async (roomId) => {
    const all = await timeline(roomId);
    for (const limit of [4, 1_000]) {
      const forwards = await pages(roomId, `limit=${limit}`);
      expect(forwards.flatMap(({ chunk }) => idsOf(chunk))).toEqual(all);
      expect(forwards.slice(1).map(({ start }) => start)).toEqual(forwards.slice(0, -1).map(({ end }) => end));
      const backwards = await pages(roomId, `dir=b&limit=${limit}`);
      expect(backwards.flatMap(({ chunk }) => idsOf(chunk))).toEqual([...all].reverse());
    }
  });

  it('are ten from the beginning by default', async () => {
    const all = await timeline(ROOMS.v10);
    expect(all.length).toBeGreaterThan(10);
    expect(idsOf((await messages(ROOMS.v10)).chunk)).toEqual(all.slice(0, 10));
  });

  it('can be read again from the start token of a page', async () => {
    const { start, chunk } = await messages(ROOMS.v10, 'dir=b&limit=2');
    expect(idsOf((await messages(ROOMS.v10, `dir=b&limit=2&from=${start}`)).chunk)).toEqual(idsOf(chunk));
    expect(await messages(ROOMS.v10, `from=${start}`)).toEqual({ chunk: [], start });
  });

  it('continue at both ends of the context of an event', async () => {
    const all = await timeline(ROOMS.v10);
    const { start, end } = await ok<{ start: string; end: string }>(
      `/rooms/${encode(ROOMS.v10)}/context/${encode(String(all[5]))}?limit=2`,
    );
    expect(idsOf((await messages(ROOMS.v10, `dir=b&from=${start}`)).chunk)).toEqual(all.slice(0, 4).reverse());
    expect(idsOf((await messages(ROOMS.v10, `limit=2&from=${end}`)).chunk)).toEqual(all.slice(7, 9));
  });

  it('end at the token `to`', async () => {
    const all = await timeline(ROOMS.v10);
    const { end = '' } = await messages(ROOMS.v10, 'limit=3');
    expect(idsOf((await messages(ROOMS.v10, `dir=b&limit=100&to=${end}`)).chunk)).toEqual(all.slice(3).reverse());
    expect(idsOf((await messages(ROOMS.v10, `limit=100&to=${end}`)).chunk)).toEqual(all.slice(0, 3));
  });

  it('continue at a token of /sync', async () => {
    const all = await timeline(ROOMS.v10);
    const { id } = await db('syncapi_output_room_events').where('event_id', all[4]).first('id');
    expect(idsOf((await messages(ROOMS.v10, `limit=2&from=s${id}_1_0_3`)).chunk)).toEqual(all.slice(5, 7));
  });

  it('can be filtered by types, senders and URLs', async () => {
    const filtered = async (filter: object): Promise<Event[]> =>
      (await messages(ROOMS.v10, `limit=100&filter=${encode(JSON.stringify(filter))}`)).chunk;
    const types = async (filter: object): Promise<string[]> => [
      ...new Set((await filtered(filter)).map(({ type }) => type)),
    ];
    const senders = async (filter: object): Promise<string[]> =>
      [...new Set((await filtered(filter)).map(({ sender }) => sender))].sort();
    const everybody = await senders({});
    expect(await types({ types: ['m.room.member'] })).toEqual(['m.room.member']);
    expect(await types({ not_types: ['m.room.*'] })).not.toContain('m.room.create');
    expect(await senders({ senders: [USERS.bob.user_id] })).toEqual([USERS.bob.user_id]);
    expect(await senders({ not_senders: [USERS.bob.user_id] })).toEqual(
      everybody.filter((sender) => sender !== USERS.bob.user_id),
    );
    expect(await filtered({ senders: [USERS.bob.user_id], not_senders: [USERS.bob.user_id] })).toEqual([]);
    expect(await filtered({ senders: [] })).toEqual([]);
    const all = await filtered({});
    await db('syncapi_output_room_events').where({ event_id: all[6]?.event_id }).update({ contains_url: true });
    expect(idsOf(await filtered({ contains_url: true }))).toEqual([all[6]?.event_id]);
    expect(idsOf(await filtered({ contains_url: false }))).toEqual(idsOf(all.filter((event) => event !== all[6])));
  });

  it('of a large room are searched in parts', async () => {
    const roomId = ROOMS.v2;
    const [first] = await timeline(roomId);
    await db.raw(
      `INSERT INTO syncapi_output_room_events (room_id, event_id, headered_event_json, type, sender, contains_url)
       SELECT ?, '$bulk' || n, '{"content":{}}', 'm.bulk', '@x:y', false FROM generate_series(1, 40000) AS n`,
      [roomId],
    );
    const found = await pages(roomId, `dir=b&filter=${encode('{"types":["m.room.create"]}')}`);
    expect(found.flatMap(({ chunk }) => idsOf(chunk))).toEqual([first]);
    expect(found.length).toBeGreaterThan(2);
    expect(found.length).toBeLessThan(6);
  });

  it.each([
    ['dir=x', 'M_INVALID_PARAM'],
    ['limit=abc', 'M_INVALID_PARAM'],
    ['limit=-1', 'M_INVALID_PARAM'],
    ['from=abc', 'M_INVALID_PARAM'],
    ['from=t1', 'M_INVALID_PARAM'],
    ['to=5', 'M_INVALID_PARAM'],
    [`from=s${'9'.repeat(20)}`, 'M_INVALID_PARAM'],
    ['filter=%7B', 'M_NOT_JSON'],
    ['filter=5', 'M_INVALID_PARAM'],
    ['filter=%7B%22lazy_load_members%22:true%7D', 'M_INVALID_PARAM'],
  ])('refuse %s', async (query, errcode) => {
    const answer = await get(`/rooms/${encode(ROOMS.v10)}/messages?${query}`);
    expect([answer.status, jsonOf(answer)['errcode']]).toEqual([400, errcode]);
  });
});

describe('the event at a time', () => {
  interface Found {
    readonly event_id: string;
    readonly origin_server_ts: number;
  }
  const at = (roomId: string, time: number, direction: string): Promise<Answer> =>
    get(`/rooms/${encode(roomId)}/timestamp_to_event?ts=${time}&dir=${direction}`);
  async function timed(roomId: string): Promise<Found[]> {
    const rows = await db('syncapi_output_room_events').where('room_id', roomId).orderBy('id');
    return rows.map(({ event_id, headered_event_json: json }) => ({ ...JSON.parse(json), event_id }));
  }

  it('is the nearest in either direction', async () => {
    const all = await timed(ROOMS.v11);
    const some = [all[0], all[5], all[9], all.at(-1)];
    for (const time of some.flatMap((event) => [-1, 0, 1].map((off) => Number(event?.origin_server_ts) + off))) {
      const after = all
        .filter((event) => event.origin_server_ts >= time)
        .sort((a, b) => a.origin_server_ts - b.origin_server_ts)[0];
      const before = all
        .filter((event) => event.origin_server_ts <= time)
        .sort((a, b) => b.origin_server_ts - a.origin_server_ts)[0];
      for (const [direction, expected] of [
        ['f', after],
        ['b', before],
      ] as const) {
        const answer = await at(ROOMS.v11, time, direction);
        expect([answer.status, jsonOf(answer)['origin_server_ts']]).toEqual(
          expected === undefined ? [404, undefined] : [200, expected.origin_server_ts],
        );
      }
    }
  });

  it('is the first of several with the same time in direction f, and the last in direction b', async () => {
    const [first, second, third] = await timed(ROOMS.v9);
    const time = Number(first?.origin_server_ts) - 5_000;
    for (const event of [first, second]) await setTime(String(event?.event_id), time);
    expect(jsonOf(await at(ROOMS.v9, time, 'f'))['event_id']).toBe(first?.event_id);
    expect(jsonOf(await at(ROOMS.v9, time, 'b'))['event_id']).toBe(second?.event_id);
    expect(jsonOf(await at(ROOMS.v9, time + 1, 'f'))['event_id']).toBe(third?.event_id);
  });

  it('is found beside events of a server whose clock is wrong', async () => {
    const all = await timed(ROOMS.v8);
    const middle = all[Math.floor(all.length / 2)];
    await setTime(String(middle?.event_id), 5);
    expect(jsonOf(await at(ROOMS.v8, 5, 'f'))['event_id']).toBe(middle?.event_id);
    const last = all.at(-1);
    expect(jsonOf(await at(ROOMS.v8, Number(last?.origin_server_ts), 'f'))['event_id']).toBe(last?.event_id);
  });

  it('is searched forwards by default', async () => {
    const found = await ok<Found>(`/rooms/${encode(ROOMS.v10)}/timestamp_to_event?ts=0`);
    expect(found.event_id).toBe((await timeline(ROOMS.v10))[0]);
  });

  it.each(['ts=abc', 'ts=-1', 'ts=1.5', 'ts=1&dir=x', 'ts=99999999999999999999'])(
    'is refused for %s',
    async (query) => {
      const answer = await get(`/rooms/${encode(ROOMS.v10)}/timestamp_to_event?${query}`);
      expect([answer.status, jsonOf(answer)['errcode']]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );

  async function setTime(eventId: string, time: number): Promise<void> {
    const { headered_event_json: json } = await db('syncapi_output_room_events').where('event_id', eventId).first();
    await db('syncapi_output_room_events')
      .where('event_id', eventId)
      .update({ headered_event_json: JSON.stringify({ ...JSON.parse(json), origin_server_ts: time }) });
  }
});

describe('an event by its id', () => {
  const fetched = async (path: string): Promise<Event> => (await ok<{ event: Event }>(`/fetch_event/${path}`)).event;

  it('has all fields, in every room version, even if its id is not encoded', async () => {
    for (const roomId of [ROOMS.v1, ROOMS.v3, ROOMS.v4, ROOMS.v12]) {
      for (const eventId of await timeline(roomId)) {
        const event = await fetched(eventId);
        expect(event).toMatchObject({ event_id: eventId, room_id: roomId, unsigned: { age: expect.any(Number) } });
        expect(Object.keys(event)).toEqual(
          expect.arrayContaining(['auth_events', 'depth', 'hashes', 'origin_server_ts', 'prev_events', 'signatures']),
        );
        expect(Object.keys(event).filter((key) => key.startsWith('_'))).toEqual([]);
      }
    }
  });

  it('is found even if clients cannot see it', async () => {
    const { event_id: eventId } = await db('roomserver_events AS e')
      .leftJoin('syncapi_output_room_events AS o', 'o.event_id', 'e.event_id')
      .whereNull('o.event_id')
      .where('e.is_rejected', false)
      .first('e.event_id');
    expect((await fetched(encode(eventId))).event_id).toBe(eventId);
  });

  it('is not found if it was rejected', async () => {
    const [eventId] = await timeline(ROOMS.v7);
    await db('roomserver_events').where('event_id', eventId).update({ is_rejected: true });
    expect((await get(`/fetch_event/${encode(String(eventId))}`)).status).toBe(404);
  });
});

describe('a room that is being purged', () => {
  it('shows no events', async () => {
    const roomId = ROOMS.moderated as RoomId;
    const [eventId] = await timeline(roomId);
    await db.transaction((transaction) => hideRoom(transaction, roomId, { keep: [], localServerNames: [] }));
    expect((await messages(roomId, 'dir=b')).chunk).toEqual([]);
    expect((await get(`/rooms/${encode(roomId)}/timestamp_to_event?ts=0`)).status).toBe(404);
    expect((await get(`/fetch_event/${encode(String(eventId))}`)).status).toBe(404);
  });
});
