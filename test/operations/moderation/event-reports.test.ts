import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import { USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf, type RequestOptions } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';

const REPORTS = '/_synapse/admin/v1/event_reports';
const NOT_FOUND = { errcode: 'M_NOT_FOUND', error: 'Event report not found' };

interface Report {
  readonly id: number;
  readonly [key: string]: unknown;
}
interface List {
  readonly event_reports: Report[];
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

const call = (path: string, options: RequestOptions = {}): Promise<Answer> => plugin.asAdmin(REPORTS + path, options);
const put = (id: number | string, body: unknown): Promise<Answer> =>
  call(`/${id}`, { method: 'PUT', body: JSON.stringify(body) });

async function list(query = ''): Promise<List> {
  const answer = await call(query);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}
const ids = ({ event_reports: reports }: List): number[] => reports.map(({ id }) => id);

/** Adds a copy of a recorded report. */
async function report(overrides: Record<string, unknown> = {}): Promise<number> {
  const { id: _id, ...row } = await db('roomserver_reported_events').where('id', 1).first();
  const [added] = await db('roomserver_reported_events')
    .insert({ ...row, ...overrides })
    .returning('id');
  return Number(added.id);
}

describe('event reports', () => {
  it('are listed newest first, with all fields that clients need, and reading writes nothing', async () => {
    const changes = await changesOf(db, async () => {
      const { event_reports: reports, total } = await list('?user_id=@nobody-known-here:localhost:18448');
      expect([reports, total]).toEqual([[], 0]);
      const all = await list();
      expect([ids(all), all.total]).toEqual([[3, 2, 1], 3]);
      expect(all).not.toHaveProperty('next_token');
      expect(all.event_reports[2]).toEqual({
        id: 1,
        received_ts: 1795422224906,
        room_id: expect.stringMatching(/^!/),
        event_id: expect.stringMatching(/^\$/),
        user_id: await stateKey(65537),
        sender: await stateKey(65538),
        reason: 'spam',
        score: -100,
        name: expect.any(String),
        canonical_alias: null,
        status: 'open',
        note: null,
        status_changed_by: null,
        status_changed_ts: null,
      });
    });
    expect(changes).toEqual({});
  });

  const stateKey = async (nid: number): Promise<string> =>
    (await db('roomserver_event_state_keys').where('event_state_key_nid', nid).first()).event_state_key;

  it('a single report includes the event', async () => {
    const { event_reports: reports } = await list('?dir=f&limit=1');
    const one = jsonOf(await call('/1'));
    expect(one).toMatchObject(reports[0] ?? {});
    expect(one.event_json).toMatchObject({ sender: reports[0]?.sender, type: 'm.room.message' });
  });

  it('of missing rooms and events are not listed, and can be deleted', async () => {
    const room = await report({ room_nid: 9_999 });
    const event = await report({ event_nid: 9_999 });
    expect(await list()).toMatchObject({ total: 3, event_reports: [{ id: 3 }, { id: 2 }, { id: 1 }] });
    for (const id of [room, event]) {
      const answer = await call(`/${id}`);
      expect([answer.status, jsonOf(answer)]).toEqual([404, NOT_FOUND]);
      expect((await put(id, { status: 'resolved' })).status).toBe(404);
      expect((await call(`/${id}`, { method: 'DELETE' })).text).toBe('{}');
      expect((await call(`/${id}`, { method: 'DELETE' })).status).toBe(404);
    }
  });

  it('of a purged room are deleted with it, and those of redacted events stay', async () => {
    const { redacts_event_id: redacted } = await db('roomserver_redactions').where('validated', true).first();
    const { event_nid, room_nid } = await db('roomserver_events').where('event_id', redacted).first();
    const id = await report({ event_nid, room_nid });
    expect(jsonOf(await call(`/${id}`))).toMatchObject({ event_id: redacted, event_json: { content: {} } });
    await put(id, { status: 'resolved' });
    const roomId = (await list()).event_reports[0]?.room_id;
    expect(jsonOf(await call('/1')).room_id).not.toBe(roomId);
    const purge = await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${encodeURIComponent(String(roomId))}`, {
      method: 'POST',
      body: '{}',
    });
    expect(purge.status, purge.text).toBe(200);
    expect(ids(await list())).toEqual([3, 2, 1]);
  });

  it('name is null for a room without a name', async () => {
    const nameless = await db('roomserver_rooms')
      .whereNotIn('room_id', db('syncapi_current_room_state').select('room_id').where('type', 'm.room.name'))
      .first();
    const { event_nid } = await db('roomserver_events').where('room_nid', nameless.room_nid).first();
    const id = await report({ room_nid: nameless.room_nid, event_nid });
    expect((await list('?limit=1')).event_reports[0]).toMatchObject({ id, room_id: nameless.room_id, name: null });
    await call(`/${id}`, { method: 'DELETE' });
  });

  it('may be filtered', async () => {
    const all = (await list('?dir=f')).event_reports;
    const [first, second] = all;
    const reporters = all.filter(({ user_id: user }) => user === first?.user_id).map(({ id }) => id);
    expect(reporters).not.toHaveLength(all.length);
    const query = (key: string, value: unknown): string => `?dir=f&${key}=${encodeURIComponent(String(value))}`;
    expect(ids(await list(query('user_id', first?.user_id)))).toEqual(reporters);
    const localpart = String(first?.user_id).slice(1, 4);
    expect(ids(await list(query('user_id', localpart)))).toEqual(reporters);
    // A filter by a whole user id does not match a longer user id.
    expect(ids(await list(query('user_id', String(first?.user_id).slice(0, -1))))).toEqual([]);
    expect(ids(await list(query('user_id', '%')))).toEqual([]);
    expect(ids(await list(query('user_id', '')))).toEqual([1, 2, 3]);
    expect(ids(await list(query('room_id', second?.room_id)))).toEqual([1, 2, 3]);
    expect(await list(query('room_id', '!nowhere:localhost'))).toEqual({ event_reports: [], total: 0 });
    expect(ids(await list(query('event_sender_user_id', first?.sender)))).toEqual([1, 2, 3]);
    expect(ids(await list(query('event_sender_user_id', USERS.frank.user_id)))).toEqual([]);
  });

  it.each([
    'dir=x',
    'limit=-1',
    'limit=abc',
    'limit=1.5',
    'limit=1001',
    'limit=',
    'from=-1',
    'from=x',
    'from=99999999999999999',
    'event_sender_user_id=abc',
    'user_id=%00',
    'status=closed',
  ])('with %s are refused', async (query) => {
    const answer = await call(`?${query}`);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it.each(['-1', 'abc', '1.5', '99999999999999999'])('cannot have the id %s', async (id) => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const answer = await call(`/${id}`, { method, ...(method === 'PUT' && { body: '{"status":"open"}' }) });
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    }
  });

  it.each(['0', '999'])('are not found with the id %s', async (id) => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const answer = await call(`/${id}`, { method, ...(method === 'PUT' && { body: '{"status":"open"}' }) });
      expect([answer.status, jsonOf(answer)]).toEqual([404, NOT_FOUND]);
    }
  });

  it('are for administrators', async () => {
    for (const path of ['', '/1']) {
      const answer = await plugin.request(REPORTS + path, { headers: bearer(USERS.alice.access_token) });
      expect(answer.status).toBe(403);
    }
  });
});

describe('pages of event reports', () => {
  it('start at an offset, and have the correct total even beyond the end', async () => {
    expect(ids(await list('?limit=1&from=1'))).toEqual([2]);
    expect(ids(await list('?dir=f&from=2'))).toEqual([3]);
    expect(await list('?from=100')).toEqual({ event_reports: [], total: 3 });
    expect(await list('?limit=0&from=1')).toEqual({ event_reports: [], total: 3, next_token: 1 });
  });

  it.each(['b', 'f'])('in direction %s lose and repeat nothing while reports are added and deleted', async (dir) => {
    const room = await db('roomserver_rooms').where('room_version', '12').first();
    const { event_nid } = await db('roomserver_events').where('room_nid', room.room_nid).first();
    const add = (): Promise<number> => report({ room_nid: room.room_nid, event_nid });
    const before: number[] = [];
    for (let i = 0; i < 10; i++) before.push(await add());
    let late: number | undefined;
    const seen: number[] = [];
    let from = 0;
    do {
      const page = await list(`?room_id=${room.room_id}&dir=${dir}&limit=3&from=${from}`);
      seen.push(...ids(page));
      from = page.next_token ?? 0;
      if (late === undefined) {
        // One of the reports that were shown is deleted, and another one is added.
        await call(`/${seen[0]}`, { method: 'DELETE' });
        late = await add();
      }
    } while (from !== 0);
    expect(seen).toEqual(dir === 'f' ? [...before, late] : before.reverse());
    await db('roomserver_reported_events').where('room_nid', room.room_nid).del();
  });
});

describe('the status of an event report', () => {
  it('says who has set it, when and why, and is counted', async () => {
    const gauge = (status: string): Promise<number> => plugin.metric('matrix_admin_reports', { kind: 'event', status });
    const before = Date.now() - 1_000;
    const answer = await put(2, { status: 'resolved', note: 'banned' });
    const changed = {
      id: 2,
      status: 'resolved',
      note: 'banned',
      status_changed_by: USERS.admin.user_id,
      status_changed_ts: expect.any(Number),
    };
    expect([answer.status, jsonOf(answer)]).toMatchObject([200, changed]);
    expect(Number(jsonOf(answer).status_changed_ts)).toBeGreaterThan(before);
    expect((await list()).event_reports[1]).toMatchObject(changed);
    expect(ids(await list('?status=open'))).toEqual([3, 1]);
    expect(await list('?status=resolved')).toMatchObject({ total: 1, event_reports: [{ id: 2 }] });
    await expect.poll(async () => [await gauge('open'), await gauge('resolved')]).toEqual([2, 1]);
    const entry = await db('matrix_admin.audit').where({ operation: 'setEventReportStatus', target: '2' }).first();
    expect(entry).toMatchObject({ outcome: 'ok', actor: USERS.admin.user_id });
    expect(jsonOf(await put(2, { status: 'open' }))).toMatchObject({ status: 'open', note: null });
    expect((await list('?status=open')).total).toBe(3);
  });

  it.each([
    [{}, 'M_MISSING_PARAM'],
    [{ status: 'closed' }, 'M_INVALID_PARAM'],
    [{ status: 'open', note: 5 }, 'M_INVALID_PARAM'],
    [{ status: 'open', note: 'x'.repeat(1_001) }, 'M_INVALID_PARAM'],
  ])('cannot be set by %j', async (body, errcode) => {
    const answer = await put(3, body);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, errcode]);
    expect(jsonOf(await call('/3')).status_changed_by).toBeNull();
  });

  it('is deleted with the report', async () => {
    const id = await report();
    await put(id, { status: 'resolved' });
    await db('roomserver_reported_events').where('id', id).del();
    await put(3, { status: 'resolved' });
    const other = await report();
    await put(other, { status: 'resolved' });
    await call(`/${other}`, { method: 'DELETE' });
    expect(await db('matrix_admin.event_report_statuses').whereIn('report_id', [id, other])).toEqual([]);
  });

  it('is set in-process, and hooks are called', async () => {
    const heard: unknown[] = [];
    const off = plugin.admin.hooks.after('setEventReportStatus', { name: 'test' }, ({ result }) => {
      heard.push(result.status);
    });
    const alice = { actor: { kind: 'user', userId: USERS.alice.user_id as UserId } } as const;
    const input = { reportId: 1, status: 'resolved' } as const;
    const { setEventReportStatus } = plugin.admin.operations;
    await expect(setEventReportStatus(input, alice)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' });
    const { changedBy } = await setEventReportStatus(input, { actor: { kind: 'system', name: 'test' } });
    expect(changedBy).toBe('system:test');
    await expect.poll(() => heard).toEqual(['resolved']);
    off();
  });
});

describe('a reported event', () => {
  const row = (id: number): Promise<Record<string, unknown>> => db('roomserver_reported_events').where({ id }).first();
  const { user_id: carol } = USERS.carol;
  let recorded: Report;
  beforeAll(async () => {
    recorded = jsonOf(await call('/1')) as Report;
  });
  const reported = (overrides: Record<string, unknown> = {}): Promise<{ reportId: number }> => {
    const { user_id: reporter, room_id: roomId, event_id: eventId } = recorded;
    const input = { reporter, roomId, eventId, reason: 'spam', score: -100, ...overrides };
    const actor = { kind: 'user', userId: reporter as UserId } as const;
    return plugin.admin.operations.reportEvent(input as Parameters<typeof plugin.admin.operations.reportEvent>[0], {
      actor,
    });
  };

  it('has the row that Dendrite writes, and hooks are called', async () => {
    const told: unknown[] = [];
    const off = plugin.admin.hooks.after('reportEvent', { name: 'tell' }, ({ input, result }) => {
      told.push([input.eventId, result.reportId]);
    });
    const { reportId } = await reported();
    await expect.poll(() => told).toEqual([[recorded.event_id, reportId]]);
    off();
    const [before, after] = [await row(1), await row(reportId)];
    expect(after).toEqual({ ...before, id: String(reportId), received_ts: expect.any(String) });
    expect(Math.abs(Number(after['received_ts']) - Date.now())).toBeLessThan(60_000);
    expect(jsonOf(await call(`/${reportId}`))).toMatchObject({ status: 'open', sender: recorded['sender'] });
  });

  it.each([
    ['a NUL in its text', '{"body":"\\u0000"}'],
    ['a NUL in a key', '{"\\u0000":1}'],
    ['half a surrogate pair', '{"body":"\\ud800"}'],
  ])('may have %s', async (_, content) => {
    const { event_nid: nid } = await row(1);
    const [stored] = await db('roomserver_event_json').where('event_nid', nid as string);
    const event = stored.event_json.replace(/^\{/, `{"unsigned":${content},`);
    await db('roomserver_event_json').where('event_nid', stored.event_nid).update({ event_json: event });
    const { reportId } = await reported();
    const answer = await call(`/${reportId}`);
    expect([answer.status, jsonOf(answer)['sender']]).toEqual([200, recorded['sender']]);
    await db('roomserver_event_json').where('event_nid', stored.event_nid).update({ event_json: stored.event_json });
  });

  it('may be nested too deeply to be shown, but is still reported and listed', async () => {
    const { event_nid: nid } = await row(1);
    const [stored] = await db('roomserver_event_json').where('event_nid', nid as string);
    const deep = `{"unsigned":${'['.repeat(30_000)}${']'.repeat(30_000)},`;
    const event = stored.event_json.replace(/^\{/, deep);
    await db('roomserver_event_json').where('event_nid', stored.event_nid).update({ event_json: event });
    const { reportId } = await reported();
    const answer = await call(`/${reportId}`);
    // Newer versions of Node can encode JSON of any depth.
    if (answer.status !== 200) expect([answer.status, jsonOf(answer)['errcode']]).toEqual([400, 'M_BAD_STATE']);
    expect(ids(await list())).toContain(reportId);
    await db('roomserver_event_json').where('event_nid', stored.event_nid).update({ event_json: stored.event_json });
  });

  it.each([
    ['that is not there', { eventId: '$nothing' }],
    ['of another room', { roomId: '!other:localhost:18448' }],
  ])('%s is refused', async (_, overrides) => {
    await expect(reported(overrides)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
  });

  it('is refused if the reporter is not in the room, or acts for another user', async () => {
    await db('roomserver_reported_events').whereNotIn('id', [1, 2, 3]).delete();
    const outsider = { kind: 'user', userId: USERS.frank.user_id as UserId } as const;
    const input = { reporter: outsider.userId, roomId: recorded['room_id'], eventId: recorded['event_id'] };
    const attempt = (by: UserId): Promise<unknown> =>
      plugin.admin.operations.reportEvent(
        { ...input, reporter: by } as Parameters<typeof plugin.admin.operations.reportEvent>[0],
        { actor: outsider },
      );
    await expect(attempt(outsider.userId)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    await expect(attempt(carol as UserId)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' });
    expect(await db('roomserver_reported_events').whereNotIn('id', [1, 2, 3])).toEqual([]);
  });

  it('is refused after its redaction', async () => {
    const redaction = { redaction_event_id: '$r', redacts_event_id: recorded['event_id'], validated: true };
    await db('roomserver_redactions').insert(redaction);
    await expect(reported()).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    await db('roomserver_redactions').where({ redaction_event_id: '$r' }).delete();
  });
});
