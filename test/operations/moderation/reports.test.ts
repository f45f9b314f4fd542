import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ALICE = USERS.alice.user_id as UserId;
const BOB = USERS.bob.user_id as UserId;
const CAROL = USERS.carol.user_id as UserId;
const ROOM = server.rooms.v10 as RoomId;
const PATHS = { user: '/_synapse/admin/v1/user_reports', room: '/_synapse/admin/v1/room_reports' } as const;
type Kind = keyof typeof PATHS;
const KINDS = Object.keys(PATHS) as Kind[];

interface Report {
  readonly id: number;
  readonly [key: string]: unknown;
}
interface List {
  readonly reports: Report[];
  readonly total: number;
  readonly next_token?: number;
}

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());
beforeEach(async () => {
  await db('matrix_admin.reports').del();
});

const call = (kind: Kind, path: string | number = '', method = 'GET', body?: object): Promise<Answer> =>
  plugin.asAdmin(PATHS[kind] + path, { method, ...(body && { body: JSON.stringify(body) }) });

async function list(kind: Kind, query = ''): Promise<List> {
  const answer = await call(kind, query);
  expect(answer.status, answer.text).toBe(200);
  const { [`${kind}_reports`]: reports, ...rest } = jsonOf(answer);
  return { reports, ...rest } as List;
}
const ids = ({ reports }: List): number[] => reports.map(({ id }) => id);

const by = (userId: UserId) => ({ actor: { kind: 'user', userId } }) as const;

/** Makes alice report bob or the room. */
async function report(kind: Kind, reporter = ALICE, reported: string = kind === 'user' ? BOB : ROOM): Promise<number> {
  const { reportUser, reportRoom } = plugin.admin.operations;
  const common = { reporter, reason: 'rude' };
  const { reportId } = await (kind === 'user'
    ? reportUser({ ...common, userId: reported }, by(reporter))
    : reportRoom({ ...common, roomId: reported }, by(reporter)));
  return reportId;
}

describe('a report', () => {
  const COMMON = {
    received_ts: expect.any(Number),
    user_id: ALICE,
    reason: 'rude',
    status: 'open',
    note: null,
    status_changed_by: null,
    status_changed_ts: null,
  };

  it('of a user has the fields that Synapse shows, and a status', async () => {
    const id = await report('user');
    const shown = { ...COMMON, id, target_user_id: BOB };
    expect(await list('user')).toEqual({ reports: [shown], total: 1 });
    const one = jsonOf(await call('user', `/${id}`));
    expect(one).toEqual(shown);
    expect(Math.abs(Number(one['received_ts']) - Date.now())).toBeLessThan(60_000);
    expect(await list('room')).toEqual({ reports: [], total: 0 });
    expect((await call('room', `/${id}`)).status).toBe(404);
  });

  it('of a room has the name, the alias and the topic of the room', async () => {
    const id = await report('room');
    const { name } = jsonOf(await plugin.asAdmin(`/_synapse/admin/v1/rooms/${encodeURIComponent(ROOM)}`));
    expect(name).toEqual(expect.any(String));
    const alias = '#room-v10:localhost:18448';
    const shown = { ...COMMON, id, room_id: ROOM, name, canonical_alias: alias, topic: 'Topic for version 10' };
    expect(await list('room')).toMatchObject({ reports: [shown], total: 1 });
    expect(jsonOf(await call('room', `/${id}`))).toEqual((await list('room')).reports[0]);
    expect(await list('user')).toEqual({ reports: [], total: 0 });
  });

  it.each(KINDS)('of a %s calls hooks, and is counted', async (kind) => {
    const name = kind === 'user' ? 'reportUser' : 'reportRoom';
    const told: unknown[] = [];
    const off = plugin.admin.hooks.after(name, { name: 'tell' }, ({ input, result }) => {
      told.push([input.reporter, result.reportId]);
    });
    const id = await report(kind);
    await expect.poll(() => told).toEqual([[ALICE, id]]);
    off();
    const gauge = (status: string): Promise<number> => plugin.metric('matrix_admin_reports', { kind, status });
    await expect.poll(async () => [await gauge('open'), await gauge('resolved')]).toEqual([1, 0]);
    await call(kind, `/${id}`, 'PUT', { status: 'resolved' });
    await expect.poll(async () => [await gauge('open'), await gauge('resolved')]).toEqual([0, 1]);
  });

  it('may be about a user of another server who shares a room with the homeserver', async () => {
    const [{ event_state_key: remote }] = await db('roomserver_event_state_keys')
      .whereLike('event_state_key', '@%')
      .whereRaw(`event_state_key NOT LIKE '%:localhost:18448'`);
    await report('user', ALICE, remote);
    expect((await list('user')).reports).toMatchObject([{ target_user_id: remote }]);
  });

  it.each<[Kind, string, string]>([
    ['user', 'nobody', '@nobody:localhost:18448'],
    ['user', 'nobody of another server', '@nobody:elsewhere.example'],
    ['room', 'no room', '!nowhere:localhost:18448'],
  ])('of a %s is refused for %s', async (kind, _what, reported) => {
    await expect(report(kind, ALICE, reported)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    expect((await list(kind)).total).toBe(0);
  });

  it.each(KINDS)('of a %s cannot be made for another user', async (kind) => {
    const { reportUser, reportRoom } = plugin.admin.operations;
    const attempt =
      kind === 'user'
        ? reportUser({ reporter: ALICE, userId: BOB }, by(CAROL))
        : reportRoom({ reporter: ALICE, roomId: ROOM }, by(CAROL));
    await expect(attempt).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' });
    expect((await list(kind)).total).toBe(0);
  });

  it.each(KINDS)('of a %s is deleted once', async (kind) => {
    const id = await report(kind);
    const other: Kind = kind === 'user' ? 'room' : 'user';
    expect((await call(other, `/${id}`, 'DELETE')).status).toBe(404);
    expect((await call(kind, `/${id}`, 'DELETE')).text).toBe('{}');
    const again = await call(kind, `/${id}`, 'DELETE');
    expect([again.status, jsonOf(again).errcode]).toEqual([404, 'M_NOT_FOUND']);
  });

  it.each(KINDS)('of a %s has a status, and a note', async (kind) => {
    const id = await report(kind);
    const changed = { id, status: 'resolved', note: 'banned', status_changed_by: USERS.admin.user_id };
    const answer = await call(kind, `/${id}`, 'PUT', { status: 'resolved', note: 'banned' });
    expect([answer.status, jsonOf(answer)]).toMatchObject([200, changed]);
    expect(Math.abs(Number(jsonOf(answer)['status_changed_ts']) - Date.now())).toBeLessThan(60_000);
    expect((await list(kind, '?status=resolved')).reports).toMatchObject([changed]);
    expect(ids(await list(kind, '?status=open'))).toEqual([]);
    expect(jsonOf(await call(kind, `/${id}`, 'PUT', { status: 'open' }))).toMatchObject({ status: 'open', note: null });
    for (const bad of [{}, { status: 'closed' }, { status: 'open', note: 5 }]) {
      expect((await call(kind, `/${id}`, 'PUT', bad)).status).toBe(400);
    }
  });

  it('of a room is deleted by a purge of the room, and cannot be made during the purge', async () => {
    const doomed = server.rooms.v9 as RoomId;
    await report('room', ALICE, doomed);
    const kept = await report('room');
    expect(await plugin.admin.operations.roomInfo({ roomId: doomed }, by(USERS.admin.user_id as UserId))).toMatchObject(
      {
        reports: 1,
      },
    );
    await plugin.admin.operations.purgeRoom({ roomId: doomed, evacuate: true }, by(USERS.admin.user_id as UserId));
    expect(ids(await list('room'))).toEqual([kept]);
    await expect(report('room', ALICE, doomed)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    await db('matrix_admin.purges').insert({ room_id: ROOM, progress: '{}' });
    await expect(report('room')).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    await db('matrix_admin.purges').del();
  });
});

describe.each(KINDS)('the list of %s reports', (kind) => {
  it('is in either order, and can be filtered', async () => {
    const reported = kind === 'user' ? CAROL : server.rooms.v11;
    const all = [await report(kind), await report(kind, CAROL), await report(kind, ALICE, reported)];
    expect(ids(await list(kind))).toEqual([...all].reverse());
    expect(ids(await list(kind, '?dir=f'))).toEqual(all);
    const key = kind === 'user' ? 'target_user_id' : 'room_id';
    const filtered = async (name: string, value: string): Promise<number[]> =>
      ids(await list(kind, `?dir=f&${name}=${encodeURIComponent(value)}`));
    expect(await filtered(key, reported)).toEqual([all[2]]);
    expect(await filtered(key, reported.slice(1, 5))).toEqual([all[2]]);
    // A filter by a whole id matches only this id.
    expect(await filtered(key, kind === 'user' ? reported.slice(0, -1) : `${reported}x`)).toEqual([]);
    expect(await filtered(key, '')).toEqual(all);
    expect(await filtered('user_id', CAROL)).toEqual([all[1]]);
    expect(await filtered('user_id', 'carol')).toEqual([all[1]]);
    expect((await list(kind, `?user_id=carol`)).total).toBe(1);
  });

  it.each(['b', 'f'])('in direction %s loses and repeats nothing while reports are added and deleted', async (dir) => {
    const before: number[] = [];
    for (let count = 0; count < 7; count += 1) before.push(await report(kind));
    let late: number | undefined;
    const seen: number[] = [];
    let from = 0;
    do {
      const page = await list(kind, `?dir=${dir}&limit=3&from=${from}`);
      seen.push(...ids(page));
      from = page.next_token ?? 0;
      if (late === undefined) {
        // One of the reports that were shown is deleted, and another one is added.
        await call(kind, `/${seen[0]}`, 'DELETE');
        late = await report(kind);
      }
    } while (from !== 0);
    expect(seen).toEqual(dir === 'f' ? [...before, late] : before.reverse());
  });

  it('starts at an offset', async () => {
    const all = [await report(kind), await report(kind)];
    expect(ids(await list(kind, '?from=1'))).toEqual([all[0]]);
    expect(await list(kind, '?from=100')).toEqual({ reports: [], total: 2 });
  });

  it.each(['?dir=x', '?limit=-1', '?limit=1001', '?from=-1', '?from=x', '?status=closed', '/abc', '/-1'])(
    'refuses %s',
    async (query) => {
      const answer = await call(kind, query);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    },
  );

  it.each(['0', '999'])('has no report with the id %s', async (id) => {
    for (const [method, body] of [['GET'], ['DELETE'], ['PUT', { status: 'open' }]] as const) {
      const answer = await call(kind, `/${id}`, method, body);
      const error = `${kind === 'user' ? 'User' : 'Room'} report not found`;
      expect([answer.status, jsonOf(answer)]).toEqual([404, { errcode: 'M_NOT_FOUND', error }]);
    }
  });

  it('is for administrators', async () => {
    const answer = await plugin.request(PATHS[kind], { headers: bearer(USERS.alice.access_token) });
    expect(answer.status).toBe(403);
  });
});
