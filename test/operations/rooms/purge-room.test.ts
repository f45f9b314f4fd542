import { once } from 'node:events';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addMessages } from '../../../bench/room-data.ts';
import type { RoomId, UserId } from '../../../src/ids.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import { purgeHiddenRoom } from '../../../src/rooms/purge/purge-hidden-room.ts';
import { PHASES } from '../../../src/rooms/purge/purge-phases.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, recording } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';
import { litterRoom } from '../../support/room-litter.ts';
import { belongsTo, namesOf, tracesOf } from '../../support/room-traces.ts';

const ROOMS = server.rooms;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;

let plugin: MountedPlugin;
let db: Knex;
const told: [string, readonly string[]][] = [];
const note =
  (callee: string) =>
  (ids: readonly string[]): void => {
    told.push([callee, ids]);
  };

/** Everything that the federation sender has sent while `canSend` was true. */
const sent: Record<string, unknown>[] = [];
let canSend = true;
async function wake(): Promise<void> {
  if (!canSend) return;
  const queued = await db('public.federationsender_queue_json').orderBy('json_nid');
  sent.push(...queued.map((row) => JSON.parse(row.json_body)));
  const nids = queued.map((row) => row.json_nid);
  for (const table of ['pdus', 'json']) {
    await db(`public.federationsender_queue_${table}`).whereIn('json_nid', nids).del();
  }
}

beforeAll(async () => {
  plugin = await mountPlugin({
    options: { limits: { federationRequestMs: 600 } },
    host: {
      federation: { wake },
      caches: { dropRooms: note('dropRooms'), dropUsers: note('dropUsers') },
      notifier: { roomsChanged: note('roomsChanged'), usersChanged: note('usersChanged') },
    },
  });
  ({ db } = plugin.database);
  await plugin.admin.jobs.wait((await plugin.admin.operations.reindexFulltext.start({}, SYSTEM)).jobId);
});
afterAll(() => plugin.close());

const purge = (roomId: string, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/purgeRoom/${encodeURIComponent(roomId)}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });

/** Returns the rows that `work` removes and adds, as sets of texts by table. */
async function rowChanges(
  work: () => Promise<unknown>,
): Promise<Record<string, { removed: string[]; added: string[] }>> {
  const changes = await changesOf(db, work);
  const texts = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
  return Object.fromEntries(
    Object.entries(changes).map(([table, { removed, added }]) => [
      table,
      { removed: texts(removed), added: texts(added) },
    ]),
  );
}

/** Restores the rows that a purge has removed. A homeserver that joins the room again gets the same events. */
async function restore(changes: Awaited<ReturnType<typeof rowChanges>>): Promise<void> {
  for (const [table, { removed, added }] of Object.entries(changes)) {
    for (const row of added) {
      await db.raw('DELETE FROM public.?? t WHERE to_jsonb(t) = CAST(? AS jsonb)', [table, row]);
    }
    for (const row of removed) {
      await db.raw(
        'INSERT INTO public.?? SELECT * FROM jsonb_populate_record(CAST(NULL AS public.??), CAST(? AS jsonb))',
        [table, table, row],
      );
    }
  }
}

describe('purgeRoom', () => {
  it('removes what Dendrite removes, and also what Dendrite leaves behind', async () => {
    const recorded = recording('purgeRoom-v10');
    const changes = await changesOf(db, async () => {
      const answer = await purge(ROOMS.v10);
      expect([answer.status, answer.text]).toEqual([recorded.status, JSON.stringify(recorded.body)]);
    });
    const rows = (list: readonly unknown[] = []): unknown[] => list.map((row) => JSON.stringify(sorted(row))).sort();
    for (const [table, { removed }] of Object.entries(recorded.tables)) {
      expect(rows(changes[table]?.removed), table).toEqual(rows(removed));
    }
    const more = Object.entries(changes).filter(([table]) => recorded.tables[table] === undefined);
    expect(
      Object.fromEntries(more.map(([table, { removed, added }]) => [table, [removed.length, added.length]])),
    ).toEqual({ syncapi_relations: [2, 0], userapi_notifications: [expect.any(Number), 0] });
    expect(await brokenInvariants(db)).toEqual([]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['dropRooms', [ROOMS.v10]],
        ['roomsChanged', [ROOMS.v10]],
      ]),
    );
  });

  it('leaves no trace in any column, and does not change other rooms', async () => {
    const roomId = ROOMS.v9;
    const rewritten = await litterRoom(db, { roomId, neighbour: ROOMS.v8, user: USERS.alice.user_id as UserId });
    const names = await namesOf(db, roomId);
    expect((await tracesOf(db, names)).length).toBeGreaterThan(40);
    told.length = 0;
    const changes = await changesOf(db, async () => {
      expect((await purge(roomId)).text).toBe('{}');
    });
    // The only trace that remains is a queued event of another room.
    expect(await tracesOf(db, names)).toEqual(['public.federationsender_queue_json.json_body: 1']);
    const added = Object.entries(changes).filter(([, rows]) => rows.added.length > 0);
    expect(Object.fromEntries(added.map(([table, rows]) => [table, [...rows.added].sort(byType)]))).toMatchObject(
      rewritten,
    );
    const lengths = (tables: readonly (readonly [string, { readonly length: number }])[]): Record<string, number> =>
      Object.fromEntries(tables.map(([table, rows]) => [table, rows.length]));
    expect(lengths(added.map(([table, rows]) => [table, rows.added]))).toEqual(lengths(Object.entries(rewritten)));
    const strangers = Object.entries(changes).map(([table, { removed }]) => [
      table,
      removed.filter((row) => !belongsTo(row, names)).length,
    ]);
    expect(Object.fromEntries(strangers.filter(([, count]) => count !== 0))).toEqual({
      // Rows of the other room, and other rows of the user, are not counted.
      federationsender_queue_edus: 3,
      federationsender_queue_json: 1,
      federationsender_queue_pdus: 2,
      syncapi_account_data_type: 4,
      userapi_key_backup_versions: 1,
    });
    expect(told).toEqual(
      expect.arrayContaining([
        ['dropUsers', [USERS.alice.user_id]],
        ['usersChanged', [USERS.alice.user_id]],
      ]),
    );
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('keeps the data that it is asked to keep', async () => {
    const roomId = ROOMS.v7;
    await litterRoom(db, { roomId, neighbour: ROOMS.v6, user: USERS.bob.user_id as UserId });
    const count = async (table: string): Promise<number> =>
      (await db.raw('SELECT count(*)::int AS n FROM public.?? WHERE room_id = ?', [table, roomId])).rows[0].n;
    const kept = [
      'roomserver_room_aliases',
      'userapi_account_datas',
      'syncapi_account_data_type',
      'userapi_key_backups',
    ];
    const before = await Promise.all(kept.map(count));
    expect(before.every((n) => n > 0)).toBe(true);
    const changes = await rowChanges(() => purge(roomId, { keep: ['aliases', 'account_data', 'key_backups'] }));
    expect(await Promise.all(kept.map(count))).toEqual(before);
    expect(Object.keys(changes)).not.toContain('userapi_account_datas');
    expect(await count('syncapi_output_room_events')).toBe(0);
  });

  it('of a room has a dry run that shows the result and changes nothing', async () => {
    const roomId = ROOMS.v5;
    const unchanged = await rowChanges(async () => {
      const answer = await purge(roomId, { dry_run: true });
      expect(answer.status).toBe(200);
      expect(jsonOf(answer)).toMatchObject({
        dry_run: true,
        deleted: { roomserver_rooms: 1, roomserver_events: 18, syncapi_output_room_events: 18, search_documents: 4 },
      });
    });
    expect(unchanged).toEqual({});
    expect(await plugin.admin.rooms.check(roomId as RoomId)).toBe('open');
    const { deleted } = await plugin.admin.operations.purgeRoom({ roomId: roomId, dryRun: true }, SYSTEM);
    expect(await plugin.admin.operations.purgeRoom({ roomId: roomId }, SYSTEM)).toEqual({ deleted });
  });

  it('lets the room be joined again at once', async () => {
    const roomId = ROOMS.v4;
    const before = await plugin.admin.operations.roomInfo({ roomId: roomId }, SYSTEM);
    await restore(await rowChanges(() => purge(roomId)));
    expect(await plugin.admin.operations.roomInfo({ roomId: roomId }, SYSTEM)).toEqual(before);
    expect(await plugin.admin.rooms.check(roomId as RoomId)).toBe('open');
    expect(await brokenInvariants(db)).toEqual([]);
    const { affected } = await plugin.admin.operations.evacuateRoom({ roomId }, SYSTEM);
    expect(affected).toHaveLength(3);
  });

  it('blocks the room if asked to', async () => {
    expect((await purge(ROOMS.v3, { block: true, reason: 'spam' })).text).toBe('{}');
    expect(await plugin.admin.rooms.check(ROOMS.v3 as RoomId)).toBe('blocked');
    const blocked = await plugin.admin.operations.getBlockedRoom({ roomId: ROOMS.v3 }, SYSTEM);
    expect(blocked).toMatchObject({ reason: 'spam', blockedBy: USERS.admin.user_id });
  });

  it.each([
    ['no room id at all', 400, 'M_INVALID_PARAM'],
    ['!', 400, 'M_INVALID_PARAM'],
    ['#alias:localhost', 400, 'M_INVALID_PARAM'],
    [`!nowhere:${SERVER_NAME}`, 404, 'M_NOT_FOUND'],
    [`!${'a'.repeat(43)}`, 404, 'M_NOT_FOUND'],
  ])('of %j is refused', async (roomId, status, errcode) => {
    for (const body of [{}, { dry_run: true }]) {
      const answer = await purge(roomId, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    }
  });

  it.each([{ keep: ['everything'] }, { keep: 'aliases' }, { block: 1 }, { dry_run: 'yes' }])(
    'refuses %j',
    async (body) => {
      expect((await purge(ROOMS.v2, body)).status).toBe(400);
      expect(await plugin.admin.rooms.check(ROOMS.v2 as RoomId)).toBe('open');
    },
  );
});

describe('a purge under way', () => {
  const roomId = ROOMS.v2 as RoomId;

  it('hides the room with its first commit, is joined by a second call, and refuses events', async () => {
    const release = new AbortController();
    let hold = (): void => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    const holding = db.transaction(async (transaction) => {
      // The first step of the purge must wait for this lock.
      await transaction.raw('LOCK TABLE public.roomserver_state_snapshots');
      hold();
      await once(release.signal, 'abort');
    });
    onTestFinished(() => release.abort());
    await held;
    const async = { method: 'POST', headers: { Prefer: 'respond-async' } };
    const started = await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${roomId}`, async);
    expect(started.status).toBe(202);
    expect(await plugin.admin.rooms.check(roomId)).toBe('purging');
    const info = await plugin.admin.operations.roomInfo({ roomId }, SYSTEM);
    expect(info).toMatchObject({ purging: true, stub: true, name: null, aliases: [], stateEvents: 0 });
    expect(info.members.local).toEqual({ join: 0, invite: 0, knock: 0, left: 0 });
    expect((await plugin.admin.operations.emptyRooms({}, SYSTEM)).rooms).not.toContain(roomId);
    await expect(plugin.admin.operations.evacuateRoom({ roomId }, SYSTEM)).rejects.toMatchObject({
      errcode: 'M_NOT_FOUND',
    });
    const second = await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${roomId}`, async);
    expect(second.text).toBe(started.text);
    const other = await purge(roomId, { block: true });
    expect([other.status, jsonOf(other).errcode]).toEqual([409, 'M_BAD_STATE']);
    release.abort();
    await holding;
    const job = await plugin.admin.jobs.wait(String(jsonOf(started).job_id));
    expect(job).toMatchObject({
      state: 'succeeded',
      done: 36,
      total: 36,
      result: { deleted: { roomserver_rooms: 1 } },
    });
    expect((await purge(roomId)).status).toBe(404);
  });

  it('resumes after a cancellation, at the next purge of the room', async () => {
    const other = ROOMS.moderated as RoomId;
    const names = await namesOf(db, other);
    await db.transaction((transaction) => hideRoom(transaction, other, { keep: [], localServerNames: [] }));
    expect(await plugin.admin.rooms.check(other)).toBe('purging');
    expect((await purge(other)).text).toBe('{}');
    expect(await tracesOf(db, names)).toEqual([]);
  });

  it('ends with its result if the process dies between the last deletion and the end of the job', async () => {
    const other = ROOMS.restricted as RoomId;
    await db.raw(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$`);
    await db.raw(`CREATE TRIGGER die BEFORE UPDATE ON matrix_admin.jobs FOR EACH ROW
      WHEN (new.state = 'succeeded' AND new.attempts = 1) EXECUTE FUNCTION die()`);
    onTestFinished(async () => void (await db.raw('DROP FUNCTION die CASCADE')));
    const answer = purge(other);
    await expect
      .poll(() => plugin.logger.lines.some(({ message }) => message === 'Job worker failed'), { timeout: 15_000 })
      .toBe(true);
    expect(await db('public.roomserver_rooms').where('room_id', other)).toEqual([]);
    await db('matrix_admin.jobs').where('state', 'running').update('lease_until', db.raw('clock_timestamp()'));
    expect([(await answer).status, (await answer).text]).toEqual([200, '{}']);
    const [job] = await db('matrix_admin.jobs').orderBy('created_at', 'desc').limit(1);
    expect(job).toMatchObject({ state: 'succeeded', attempts: 2, result: { deleted: { roomserver_rooms: 1 } } });
  });

  it('can be interrupted before and after each of its commits', async () => {
    const other = ROOMS.v12 as RoomId;
    await litterRoom(db, { roomId: other, neighbour: ROOMS.v11, user: USERS.carol.user_id as UserId });
    const names = await namesOf(db, other);
    // The room is large enough for several steps, and for reading the topology of all rooms.
    await addMessages(db, other, 25_000);
    await db.transaction((transaction) => hideRoom(transaction, other, { keep: [], localServerNames: [] }));
    /** Runs the purge until its first step that writes. Makes it fail within that step, or after the step's commit. */
    const dieAt = (moment: 'before the commit' | 'after the commit'): Promise<unknown> => {
      let steps = 0;
      return purgeHiddenRoom(
        {
          signal: new AbortController().signal,
          dryRun: false,
          announce: () => {},
          commit: async (step) => {
            steps += 1;
            const dies = steps === 2;
            const value = await db.transaction(async (transaction) => {
              const done = await step(transaction, () => {});
              if (dies && moment === 'before the commit') throw new Error('killed');
              return done.value;
            });
            if (dies) throw new Error('killed');
            return value;
          },
        },
        { roomId: other, keep: [], search: { kind: 'none' }, searchableTypes: [] },
      );
    };
    let commits = 0;
    while ((await db('public.roomserver_rooms').where('room_id', other)).length > 0) {
      await expect(dieAt('before the commit')).rejects.toThrow('killed');
      await expect(dieAt('after the commit')).rejects.toThrow('killed');
      commits += 1;
    }
    expect(commits).toBeGreaterThan(PHASES.length);
    expect(await db('syncapi_output_room_events_topology').where('room_id', other)).toEqual([]);
    await db('matrix_admin.search_documents').where('room_id', other).del();
    expect(await tracesOf(db, names)).toEqual(['public.federationsender_queue_json.json_body: 1']);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});

describe('a purge that evacuates first', () => {
  beforeEach(async () => {
    await db('public.federationsender_queue_json').del();
    await db('public.federationsender_queue_pdus').del();
    sent.length = 0;
  });

  it('informs other servers before the room is deleted', async () => {
    const names = await namesOf(db, ROOMS.v6);
    const answer = await purge(ROOMS.v6, { evacuate: true });
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    expect(sent.map(({ type, content, state_key, room_id }) => ({ type, content, state_key, room_id }))).toEqual(
      [USERS.bob, USERS.carol, USERS.dave, USERS.alice].map(({ user_id }) => ({
        type: 'm.room.member',
        state_key: user_id,
        room_id: ROOMS.v6,
        content: expect.objectContaining({ membership: 'leave' }),
      })),
    );
    expect(await tracesOf(db, names)).toEqual([]);
  });

  it('reports servers that could not be informed in time, and leaves nothing for them in the queue', async () => {
    canSend = false;
    // Rows that an earlier test has added make this server peek into the room.
    const peeker = 'x.example';
    const names = await namesOf(db, ROOMS.v8);
    const answer = await purge(ROOMS.v8, { evacuate: true, block: true });
    canSend = true;
    expect([answer.status, jsonOf(answer)]).toEqual([200, { undelivered: [server.remote_server_name, peeker] }]);
    expect(await db('public.federationsender_queue_pdus')).toEqual([]);
    expect(await tracesOf(db, names)).toEqual([]);
  });

  it('can be tried without effect', async () => {
    const changes = await rowChanges(async () => {
      const answer = await purge(ROOMS.v11, { evacuate: true, dry_run: true });
      expect(jsonOf(answer)).toMatchObject({ dry_run: true, evacuated: 4, deleted: { roomserver_events: 22 } });
    });
    expect(changes).toEqual({});
    expect(sent).toEqual([]);
  });

  it('skips the evacuation if nobody can leave: a room known only from an invite', async () => {
    expect((await purge(ROOMS.remoteInvite, { evacuate: true })).text).toBe('{}');
    expect((await purge(ROOMS.remoteInvite, { evacuate: true })).status).toBe(404);
  });
});

describe('purging one room after the other', () => {
  it('removes every room from the database, and never deletes what another room needs', async () => {
    // Purges the newest room first, because the shared snapshot without events has the number of the newest room.
    const rows = await db('public.roomserver_rooms').orderBy('room_nid', 'desc').pluck('room_id');
    for (const roomId of rows) {
      const names = await namesOf(db, roomId);
      expect((await purge(roomId)).text, roomId).toBe('{}');
      expect(await brokenInvariants(db), roomId).toEqual([]);
      const traces = await tracesOf(db, names);
      // Events of other rooms may still mention the room.
      const ofEvents = /event_json|headered_event_json|json_body|event_state_key:/;
      expect(
        traces.filter((trace) => !ofEvents.test(trace)),
        roomId,
      ).toEqual([]);
    }
    for (const table of [
      'roomserver_events',
      'roomserver_event_json',
      'roomserver_previous_events',
      'roomserver_state_block',
      'roomserver_state_snapshots',
      'syncapi_output_room_events',
      'syncapi_output_room_events_topology',
    ]) {
      expect(await db(`public.${table}`), table).toEqual([]);
    }
    expect(await db('matrix_admin.search_documents')).toEqual([]);
    expect(await db('matrix_admin.purges')).toEqual([]);
  });
});

const byType = (one: Record<string, unknown>, other: Record<string, unknown>): number =>
  String(one.type) < String(other.type) ? -1 : 1;

/** Returns the row with sorted keys. */
function sorted(row: unknown): unknown {
  return Object.fromEntries(Object.entries(row as object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('a database that never deletes rows', () => {
  it('is queried by every kind of job at growing intervals, and only for a limited time', async () => {
    const other = await mountPlugin();
    const { db: broken } = other.database;
    await broken.raw(`CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stays'; END $$`);
    for (const table of ['public.syncapi_receipts', 'matrix_admin.job_ranges']) {
      await broken.raw(`CREATE TRIGGER stay BEFORE INSERT OR DELETE ON ${table} EXECUTE FUNCTION stay()`);
    }
    const [purged, deleted] = [ROOMS.v10, ROOMS.v12].map((id) => id as RoomId);
    const started = await Promise.all([
      other.asAdmin(`/_dendrite/admin/purgeRoom/${purged}`, {
        method: 'POST',
        headers: { Prefer: 'respond-async' },
      }),
      other.asAdmin(`/_synapse/admin/v2/rooms/${deleted}`, { method: 'DELETE', body: '{"purge":true}' }),
      other.asAdmin('/_dendrite/admin/fulltext/reindex', { method: 'POST' }),
    ]);
    expect(started.map(({ status }) => status)).toEqual([202, 200, 202]);
    const failures = async (): Promise<number[]> =>
      (await broken('matrix_admin.jobs').orderBy('kind')).map((job) => job.failures);
    await expect.poll(failures, { timeout: 15_000 }).toEqual([3, 3, 3]);
    await other.close();
  });
});
