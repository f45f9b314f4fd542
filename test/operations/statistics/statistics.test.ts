import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const MEDIA = '/_synapse/admin/v1/statistics/users/media';
const ROOMS = '/_synapse/admin/v1/statistics/database/rooms';
const { user_id: ALICE } = USERS.alice;
const { user_id: BOB } = USERS.bob;
const { user_id: CAROL } = USERS.carol;

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

describe('the statistics of media', () => {
  /** Uploaded media. Media without a user come from another server. */
  const uploads = [
    { user: ALICE, bytes: 10, at: 1_000 },
    { user: ALICE, bytes: 5_000_000_000, at: 2_000 },
    { user: BOB, bytes: 20, at: 3_000 },
    { user: BOB, bytes: 20, at: 4_000 },
    { user: BOB, bytes: 20, at: 5_000 },
    { user: CAROL, bytes: 300, at: 6_000 },
    { user: '', bytes: 7, at: 1_000, origin: 'elsewhere.example' },
  ];
  beforeAll(async () => {
    await db('mediaapi_media_repository').insert(
      uploads.map(({ user, bytes, at, origin = SERVER_NAME }, n) => ({
        media_id: `m${n}`,
        media_origin: origin,
        content_type: 'image/png',
        file_size_bytes: bytes,
        creation_ts: at,
        upload_name: '',
        base64hash: `h${n}`,
        user_id: user,
      })),
    );
    const named = { localpart: 'bob', server_name: SERVER_NAME };
    await db('userapi_profiles').where(named).update({ display_name: 'Ärnie 100%' });
    await db('userapi_profiles')
      .where({ ...named, localpart: 'carol' })
      .update({ display_name: '' });
  });

  const list = async (query = ''): Promise<Record<string, unknown>> => {
    const answer = await plugin.asAdmin(MEDIA + query);
    expect(answer.status, answer.text).toBe(200);
    return jsonOf(answer);
  };
  const usersOf = ({ users }: Record<string, unknown>): string[] =>
    (users as { user_id: string }[]).map(({ user_id: userId }) => userId);

  it('have the number and the size of what each user has uploaded', async () => {
    expect(await list()).toEqual({
      users: [
        { user_id: ALICE, displayname: expect.any(String), media_count: 2, media_length: 5_000_000_010 },
        { user_id: BOB, displayname: 'Ärnie 100%', media_count: 3, media_length: 60 },
        { user_id: CAROL, displayname: null, media_count: 1, media_length: 300 },
      ],
      total: 3,
    });
  });

  it('are ordered', async () => {
    expect(usersOf(await list('?order_by=media_count'))).toEqual([CAROL, ALICE, BOB]);
    expect(usersOf(await list('?order_by=media_length'))).toEqual([BOB, CAROL, ALICE]);
    expect(usersOf(await list('?order_by=media_length&dir=b'))).toEqual([ALICE, CAROL, BOB]);
    expect(usersOf(await list('?order_by=displayname&dir=b'))[0]).toBe(BOB);
    expect(usersOf(await list('?dir=b'))).toEqual([CAROL, BOB, ALICE]);
  });

  it('are paged', async () => {
    const first = await list('?limit=2');
    expect(first).toMatchObject({ total: 3, next_token: 2 });
    expect(usersOf(first)).toEqual([ALICE, BOB]);
    const second = await list('?limit=2&from=2');
    expect(usersOf(second)).toEqual([CAROL]);
    expect(second).not.toHaveProperty('next_token');
    expect(await list('?from=10')).toEqual({ users: [], total: 3 });
  });

  it('are filtered by a part of a name, and by time', async () => {
    expect(usersOf(await list('?search_term=ALI'))).toEqual([ALICE]);
    expect(usersOf(await list(`?search_term=${encodeURIComponent('ärnie')}`))).toEqual([BOB]);
    expect(usersOf(await list('?search_term=%25'))).toEqual([BOB]);
    expect(await list('?search_term=localhost')).toEqual({ users: [], total: 0 });
    expect(await list('?from_ts=4000&until_ts=5000')).toMatchObject({
      users: [{ user_id: BOB, media_count: 2, media_length: 40 }],
      total: 1,
    });
    expect(await list('?from_ts=0&until_ts=1')).toEqual({ users: [], total: 0 });
    expect(usersOf(await list('?until_ts=1970-01-01T00:00:01Z'))).toEqual([ALICE]);
  });

  it.each(['order_by=x', 'dir=x', 'limit=-1', 'from=-1', 'search_term=', 'from_ts=x', 'from_ts=2&until_ts=1'])(
    'refuse %s',
    async (query) => {
      const answer = await plugin.asAdmin(`${MEDIA}?${query}`);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );
});

describe('the largest rooms', () => {
  interface Largest {
    readonly rooms: { readonly room_id: string; readonly estimated_size: number }[];
    readonly estimated_ts: number | null;
  }
  const largest = async (): Promise<Largest> => {
    const answer = await plugin.asAdmin(ROOMS);
    expect(answer.status, answer.text).toBe(200);
    return JSON.parse(answer.text);
  };

  it("are estimated from PostgreSQL's statistics, with the time of these statistics", async () => {
    const [{ room_id: large }] = await db('roomserver_rooms').orderBy('room_nid').limit(1);
    await db.raw(
      `INSERT INTO syncapi_output_room_events (id, event_id, room_id, headered_event_json, type, sender, contains_url,
         session_id, transaction_id, exclude_from_sync, history_visibility, add_state_ids, remove_state_ids)
       SELECT 1000000 + n, '$large' || n, ?, repeat(md5(n::text), 40), 'm.room.message', '@x:y', false, 0, '', false, 2, '{}', '{}'
       FROM generate_series(1, 20000) AS n`,
      [large],
    );
    await db.raw('ANALYZE');
    await expect.poll(async () => (await largest()).estimated_ts).not.toBeNull();
    const { rooms, estimated_ts: at } = await largest();
    expect(Math.abs(Number(at) - Date.now())).toBeLessThan(600_000);
    expect(rooms[0]?.room_id).toBe(large);
    expect(rooms.length).toBeLessThanOrEqual(10);
    const sizes = rooms.map(({ estimated_size: size }) => size);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(sizes.every((size) => Number.isInteger(size) && size > 0)).toBe(true);
    const [{ bytes }] = (await db.raw(`SELECT pg_total_relation_size('syncapi_output_room_events')::float8 AS bytes`))
      .rows;
    // Nearly all rows of the table belong to this room.
    expect(sizes[0]).toBeGreaterThan(Number(bytes) * 0.8);
    const [{ total }] = (await db.raw('SELECT pg_database_size(current_database())::float8 AS total')).rows;
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(Number(total));
    await db('matrix_admin.purges').insert({ room_id: large, progress: '{}' });
    expect((await largest()).rooms.map(({ room_id: roomId }) => roomId)).not.toContain(large);
    await db('matrix_admin.purges').del();
  });
});

it.each([MEDIA, ROOMS])('%s is for administrators', async (path) => {
  const answer = await plugin.request(path, { headers: bearer(USERS.alice.access_token) });
  expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
});
