import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RoomId, ServerName, UserId } from '../../../src/ids.ts';
import type { JobStep } from '../../../src/jobs/job.ts';
import { storedItems } from '../../../src/jobs/job-items.ts';
import type { JobScope } from '../../../src/operations/define-operation.ts';
import { deleteRoom } from '../../../src/operations/rooms/delete-room.ts';
import type { DeletionProgress } from '../../../src/operations/rooms/room-deletions.ts';
import { deny } from '../../../src/pipeline/hooks.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { addAccount, createSigningKey, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf, type RequestOptions } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';
import { namesOf, tracesOf } from '../../support/room-traces.ts';

const ROOMS = server.rooms;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const NOTHING_DONE = { kicked_users: [], failed_to_kick_users: [], local_aliases: [], new_room_id: null };
const idsOf = (...names: (keyof typeof USERS)[]): string[] => names.map((name) => USERS[name].user_id);
const EVERYBODY = idsOf('alice', 'bob', 'carol', 'dave');
const UNKNOWN = [`!unknownroom:${SERVER_NAME}`, '!x:remote.example', `!${'A'.repeat(43)}`];

let plugin: MountedPlugin;
let db: Knex;
/** A federation sender whose servers accept everything at once. */
async function wake(): Promise<void> {
  await db('public.federationsender_queue_json').del();
  await db('public.federationsender_queue_pdus').del();
}

beforeAll(async () => {
  plugin = await mountPlugin({ host: { federation: { wake } } });
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());

const encode = encodeURIComponent;
const call = (path: string, options: RequestOptions = {}): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin${path}`, options);
const remove = (version: 1 | 2, roomId: string, body: unknown = {}): Promise<Answer> =>
  call(`/v${version}/rooms/${encode(roomId)}`, { method: 'DELETE', body: JSON.stringify(body) });
async function ok(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, text } = await answer;
  expect([status, text]).toEqual([200, expect.any(String)]);
  return JSON.parse(text);
}
const room = (roomId: string, part = ''): Promise<Answer> => call(`/v1/rooms/${encode(roomId)}${part}`);
const statusOf = (deleteId: unknown): Promise<Record<string, unknown>> =>
  ok(call(`/v2/rooms/delete_status/${String(deleteId)}`));
async function ended(deleteId: unknown): Promise<Record<string, unknown>> {
  await plugin.admin.jobs.wait(String(deleteId));
  return statusOf(deleteId);
}
async function localMembers(roomId: string): Promise<unknown> {
  return (await plugin.admin.operations.roomInfo({ roomId: roomId }, SYSTEM)).members.local;
}

describe('the deletion of a room with v1', () => {
  it('kicks the users, purges the room, and answers at the end', async () => {
    const names = await namesOf(db, ROOMS.v10);
    expect(await ok(remove(1, ROOMS.v10))).toEqual({ ...NOTHING_DONE, kicked_users: EVERYBODY });
    const after = await room(ROOMS.v10);
    expect([after.status, jsonOf(after)]).toEqual([404, { errcode: 'M_NOT_FOUND', error: 'Room not found' }]);
    // The traces that remain are events of another room that mention this room.
    expect((await tracesOf(db, names)).filter((trace) => !/event_json/.test(trace))).toEqual([]);
    expect(await brokenInvariants(db)).toEqual([]);
    expect(await ok(remove(1, ROOMS.v10))).toEqual(NOTHING_DONE);
  });

  it('keeps the room without a purge, and its users forget it', async () => {
    expect(await ok(remove(1, ROOMS.v9, { purge: false }))).toMatchObject({
      kicked_users: EVERYBODY,
    });
    expect(await ok(room(ROOMS.v9))).toMatchObject({
      joined_local_members: 0,
      joined_local_devices: 0,
      forgotten: true,
    });
    expect(await plugin.admin.rooms.check(ROOMS.v9 as RoomId)).toBe('open');
    expect(await brokenInvariants(db)).toEqual([]);
    expect(await ok(remove(1, ROOMS.v9, { purge: true, force_purge: true }))).toEqual(NOTHING_DONE);
    expect((await room(ROOMS.v9)).status).toBe(404);
  });

  it('moves the users and the aliases to a new room, with a message there', async () => {
    await db('userapi_profiles').where('localpart', 'bob').update({ display_name: 'Bob Builder' });
    const answer = await ok(
      remove(1, ROOMS.v12, {
        purge: false,
        block: true,
        new_room_user_id: USERS.admin.user_id,
        room_name: 'Was closed',
        message: 'Closed by the admins',
      }),
    );
    const aliases = [`#room-v12:${SERVER_NAME}`];
    expect(answer).toEqual({
      kicked_users: expect.arrayContaining(EVERYBODY),
      failed_to_kick_users: [],
      local_aliases: aliases,
      new_room_id: expect.stringMatching(/^!/),
    });
    const newRoom = String(answer.new_room_id);
    expect(await ok(room(ROOMS.v12))).toMatchObject({ joined_local_members: 0, forgotten: true });
    expect(await ok(room(ROOMS.v12, '/block'))).toEqual({ block: true, user_id: USERS.admin.user_id });
    const members = [USERS.admin.user_id, ...(answer.kicked_users as string[])];
    expect(await ok(room(newRoom))).toMatchObject({
      name: 'Was closed',
      creator: USERS.admin.user_id,
      join_rules: 'public',
      history_visibility: 'shared',
      guest_access: null,
      public: false,
      joined_members: members.length,
      joined_local_members: members.length,
    });
    expect(((await ok(room(newRoom, '/members'))).members as string[]).sort()).toEqual(members.sort());
    const { state } = (await ok(room(newRoom, '/state'))) as { state: Record<string, unknown>[] };
    const contentOf = (type: string, key = ''): unknown =>
      state.find((event) => event.type === type && event.state_key === key)?.content;
    expect(contentOf('m.room.power_levels')).toMatchObject({
      users_default: -10,
      users: { [USERS.admin.user_id]: 100 },
    });
    expect(contentOf('m.room.member', USERS.bob.user_id)).toMatchObject({ displayname: 'Bob Builder' });
    const last = await db('syncapi_output_room_events').where('room_id', newRoom).orderBy('id', 'desc').first();
    expect(JSON.parse(last.headered_event_json)).toMatchObject({
      type: 'm.room.message',
      sender: USERS.admin.user_id,
      content: { msgtype: 'm.text', body: 'Closed by the admins' },
    });
    expect(await db('roomserver_room_aliases').where('room_id', newRoom)).toEqual([
      { alias: aliases[0], room_id: newRoom, creator_id: USERS.admin.user_id },
    ]);
    expect(await brokenInvariants(db)).toEqual([]);
    // The expected result is that of the recorded room: it was purged after the evacuation, and is blocked.
    expect(await ok(remove(1, ROOMS.v12, { purge: true }))).toEqual(NOTHING_DONE);
    expect((await room(ROOMS.v12)).status).toBe(404);
    expect(await ok(room(ROOMS.v12, '/block'))).toEqual({ block: true, user_id: USERS.admin.user_id });
  });

  it('has a default name and message for the new room, as Draupnir expects', async () => {
    // The bot itself is in the room.
    const body = { new_room_user_id: USERS.alice.user_id, block: true };
    const answer = await ok(remove(1, ROOMS.v8, body));
    expect(answer.kicked_users).toContain(USERS.alice.user_id);
    const newRoom = String(answer.new_room_id);
    expect(await ok(room(newRoom))).toMatchObject({
      name: 'Content Violation Notification',
      creator: USERS.alice.user_id,
      joined_members: (answer.kicked_users as string[]).length,
    });
    expect((await room(ROOMS.v8)).status).toBe(404);
    expect(await plugin.admin.rooms.check(ROOMS.v8 as RoomId)).toBe('blocked');
  });

  it.each(UNKNOWN)('does nothing in an unknown room, but can block it: %s', async (roomId) => {
    const changes = await changesOf(db, async () => {
      expect(await ok(remove(1, roomId))).toEqual(NOTHING_DONE);
      expect(await ok(remove(1, roomId, { new_room_user_id: USERS.admin.user_id }))).toEqual(NOTHING_DONE);
    });
    expect(changes).toEqual({});
    expect(await plugin.admin.rooms.check(roomId as RoomId)).toBe('open');
    expect(await ok(remove(1, roomId, { block: true, purge: false }))).toEqual(NOTHING_DONE);
    expect(await ok(room(roomId, '/block'))).toEqual({ block: true, user_id: USERS.admin.user_id });
  });

  it('purges a room that is known only from an invite', async () => {
    expect(await ok(remove(1, ROOMS.remoteInvite))).toEqual(NOTHING_DONE);
    expect(await db('roomserver_rooms').where('room_id', ROOMS.remoteInvite)).toEqual([]);
  });

  it('resumes a stopped purge', async () => {
    const roomId = ROOMS.moderated as RoomId;
    await db.transaction((transaction) => hideRoom(transaction, roomId, { keep: [], localServerNames: [] }));
    expect(await ok(remove(1, roomId))).toEqual(NOTHING_DONE);
    expect(await db('roomserver_rooms').where('room_id', roomId)).toEqual([]);
    expect(await plugin.admin.rooms.check(roomId)).toBe('open');
  });

  it('can be a dry run without effect', async () => {
    const changes = await changesOf(db, async () => {
      const answer = await ok(
        remove(1, ROOMS.v7, { dry_run: true, block: true, new_room_user_id: USERS.admin.user_id }),
      );
      expect(answer).toMatchObject({
        dry_run: true,
        kicked_users: EVERYBODY,
        local_aliases: [`#room-v7:${SERVER_NAME}`],
        new_room_id: null,
      });
    });
    expect(changes).toEqual({});
    expect(await plugin.admin.rooms.check(ROOMS.v7 as RoomId)).toBe('open');
  });

  it.each([
    ['deleteRoom', {}],
    ['purgeRoom', {}],
    ['evacuateRoom', { purge: false }],
    ['blockRoom', { block: true }],
  ] as const)('is refused by a hook before %s', async (operation, body) => {
    const seen: unknown[] = [];
    const off = plugin.admin.hooks.before(operation, { name: 'legal-hold' }, ({ input }) => {
      seen.push(input);
      return deny('M_FORBIDDEN', 'legal hold');
    });
    const answer = await remove(1, ROOMS.v2, body);
    off();
    expect([answer.status, jsonOf(answer)]).toEqual([403, { errcode: 'M_FORBIDDEN', error: 'legal hold' }]);
    expect(seen).toEqual([expect.objectContaining({ roomId: ROOMS.v2 })]);
    expect(await localMembers(ROOMS.v2)).toMatchObject({ join: 3, invite: 1 });
    expect(await plugin.admin.rooms.check(ROOMS.v2 as RoomId)).toBe('open');
  });

  it('is audited, counted, and reported to hooks', async () => {
    const heard: unknown[] = [];
    const off = plugin.admin.hooks.after('deleteRoom', { name: 'test' }, ({ result }) => {
      heard.push(result.kickedUsers.length);
    });
    const before = await plugin.metric('matrix_admin_operations_total', { operation: 'deleteRoom', outcome: 'ok' });
    await ok(remove(1, ROOMS.v5));
    await expect.poll(() => heard).toEqual([4]);
    expect(await plugin.metric('matrix_admin_operations_total', { operation: 'deleteRoom', outcome: 'ok' })).toBe(
      before + 1,
    );
    const story = await db('matrix_admin.audit').where({ operation: 'deleteRoom', target: ROOMS.v5 }).orderBy('id');
    expect(story).toMatchObject([
      { outcome: 'queued', actor: USERS.admin.user_id },
      { outcome: 'ok', actor: USERS.admin.user_id, job_id: story[0].job_id },
    ]);
    const listed = jsonOf(await plugin.asAdmin(`/_dendrite/admin/jobs?target=${encodeURIComponent(ROOMS.v5)}`));
    expect(listed['jobs']).toMatchObject([{ kind: 'deleteRoom', target: ROOMS.v5, state: 'succeeded' }]);
    off();
  });
});

describe.each([1, 2] as const)('the deletion of a room by v%i', (version) => {
  const untouched = { join: 3 };
  it.each([`#alpha:${SERVER_NAME}`, USERS.alice.user_id, 'abc'])('refuses the invalid room id %s', async (roomId) => {
    const answer = await remove(version, roomId);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it.each([
    { block: 'x' },
    { purge: 'x' },
    { force_purge: 'x' },
    { purge: null },
    { new_room_user_id: 5 },
    { new_room_user_id: '@x:remote.example' },
    { new_room_user_id: 'abc' },
    { new_room_user_id: `@nobody:${SERVER_NAME}` },
    { new_room_user_id: `@ALICE:${SERVER_NAME}` },
    { new_room_user_id: `@gone:${SERVER_NAME}` },
    { new_room_user_id: USERS.admin.user_id, room_name: 5 },
    { new_room_user_id: USERS.admin.user_id, message: {} },
    { room_name: 'of no room' },
    { message: 'to nobody' },
  ])('refuses %j', async (body) => {
    const answer = await remove(version, ROOMS.v3, { block: true, ...body });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    expect(await localMembers(ROOMS.v3)).toMatchObject(untouched);
    expect(await plugin.admin.rooms.check(ROOMS.v3 as RoomId)).toBe('open');
  });

  it.each([
    ['no body', {}],
    ['an empty body', { body: '' }],
    ['malformed JSON', { body: '{' }],
  ])('refuses %s', async (_case, options) => {
    const answer = await call(`/v${version}/rooms/${ROOMS.v3}`, { method: 'DELETE', ...options });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_NOT_JSON']);
    expect(await localMembers(ROOMS.v3)).toMatchObject(untouched);
  });

  it('is for administrators', async () => {
    for (const [headers, status, errcode] of [
      [{}, 401, 'M_MISSING_TOKEN'],
      [bearer('not-a-token'), 401, 'M_UNKNOWN_TOKEN'],
      [bearer(USERS.alice.access_token), 403, 'M_FORBIDDEN'],
    ] as const) {
      for (const [method, path] of [
        ['DELETE', `/v${version}/rooms/${ROOMS.v3}`],
        ['GET', `/v2/rooms/${ROOMS.v3}/delete_status`],
        ['GET', '/v2/rooms/delete_status/abc'],
      ] as const) {
        const body = method === 'DELETE' ? { body: '{}' } : {};
        const answer = await plugin.request(`/_synapse/admin${path}`, { method, headers, ...body });
        expect([answer.status, jsonOf(answer).errcode], path).toEqual([status, errcode]);
      }
    }
    expect(await localMembers(ROOMS.v3)).toMatchObject(untouched);
  });
});

describe('the deletion of a room with v2', () => {
  /** Locks a table, so that other transactions wait until the returned function is called. */
  async function hold(lock: string): Promise<() => Promise<void>> {
    const release = new AbortController();
    let resolve = (): void => {};
    const isHeld = new Promise<void>((done) => {
      resolve = done;
    });
    const holding = db.transaction(async (transaction) => {
      await transaction.raw(lock);
      resolve();
      if (!release.signal.aborted) await once(release.signal, 'abort');
    });
    onTestFinished(() => release.abort());
    await isHeld;
    return async () => {
      release.abort();
      await holding;
    };
  }
  const shutdown = { ...NOTHING_DONE, kicked_users: EVERYBODY };

  it('is answered at once, and its status changes', async () => {
    const releaseRoom = await hold(`SELECT FROM roomserver_rooms WHERE room_id = '${ROOMS.v6}' FOR UPDATE`);
    const releasePurge = await hold('LOCK TABLE userapi_notifications');
    const { delete_id: id, ...rest } = await ok(remove(2, ROOMS.v6, { block: true }));
    expect(rest).toEqual({});
    const view = (status: string, shutdown_room: unknown): unknown => ({
      delete_id: id,
      room_id: ROOMS.v6,
      status,
      shutdown_room,
    });
    expect([view('scheduled', null), view('active', null)]).toContainEqual(await statusOf(id));
    await expect.poll(() => statusOf(id)).toEqual(view('active', null));
    expect(await plugin.admin.rooms.check(ROOMS.v6 as RoomId)).toBe('blocked');
    // The same request uses the unfinished job. Another request is refused, and the answer names the job.
    expect(await ok(remove(2, ROOMS.v6, { block: true, purge: true }))).toEqual({ delete_id: id });
    const purge = { method: 'POST', body: '{}' };
    for (const other of [
      await remove(2, ROOMS.v6),
      await remove(1, ROOMS.v6, { block: true, purge: false }),
      await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${ROOMS.v6}`, purge),
    ]) {
      expect([other.status, jsonOf(other)]).toEqual([
        409,
        expect.objectContaining({ errcode: 'M_BAD_STATE', job_id: id }),
      ]);
    }
    await releaseRoom();
    await expect.poll(() => statusOf(id)).toEqual(view('active', shutdown));
    await expect.poll(async () => (await room(ROOMS.v6)).status).toBe(404);
    expect(await ok(call(`/v2/rooms/${encode(ROOMS.v6)}/delete_status`))).toEqual({
      results: [view('active', shutdown)],
    });
    await releasePurge();
    expect(await ended(id)).toEqual(view('complete', shutdown));
    const again = await ok(remove(2, ROOMS.v6));
    await ended(again.delete_id);
    const second = { delete_id: again.delete_id, room_id: ROOMS.v6, status: 'complete', shutdown_room: NOTHING_DONE };
    expect(await ok(call(`/v2/rooms/${ROOMS.v6}/delete_status`))).toEqual({
      results: [view('complete', shutdown), second],
    });
  });

  it('works for unknown rooms', async () => {
    const roomId = `!nosuch:${SERVER_NAME}`;
    const { delete_id: id } = await ok(remove(2, roomId, { block: true }));
    expect(await ended(id)).toMatchObject({ status: 'complete', shutdown_room: NOTHING_DONE });
    expect(await plugin.admin.rooms.check(roomId as RoomId)).toBe('blocked');
  });

  it('is shown as failed after a cancellation', async () => {
    const release = await hold(`SELECT FROM roomserver_rooms WHERE room_id = '${ROOMS.v4}' FOR UPDATE`);
    const { delete_id: id } = await ok(remove(2, ROOMS.v4));
    await plugin.admin.operations.cancelJob({ jobId: String(id) }, SYSTEM);
    await release();
    expect(await ended(id)).toEqual({
      delete_id: id,
      room_id: ROOMS.v4,
      status: 'failed',
      shutdown_room: null,
      error: 'cancelled',
    });
  });

  it.each([
    ['/v2/rooms/delete_status/abc', "delete id 'abc' not found"],
    [
      '/v2/rooms/delete_status/01234567-89ab-4def-8123-456789abcdef',
      "delete id '01234567-89ab-4def-8123-456789abcdef' not found",
    ],
    ['/v2/rooms/!y:remote.example/delete_status', "No delete task for room_id '!y:remote.example' found"],
  ])('is not found at %s', async (path, error) => {
    const answer = await call(path);
    expect([answer.status, jsonOf(answer)]).toEqual([404, { errcode: 'M_NOT_FOUND', error }]);
  });

  it('does not show jobs of another kind', async () => {
    const { jobId } = await plugin.admin.operations.reindexFulltext.start({}, SYSTEM);
    expect((await call(`/v2/rooms/delete_status/${jobId}`)).status).toBe(404);
  });

  it('cannot be read for an invalid room id', async () => {
    const answer = await call('/v2/rooms/abc/delete_status');
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });
});

describe('a deletion with users who cannot leave', () => {
  it('purges the room only if forced', async () => {
    // The room has users of a server name for which there is no signing key.
    const other = server.remote_server_name as ServerName;
    const signingKeys = [createSigningKey(), createSigningKey(other)];
    const hosting = await mountPlugin({ host: { virtualHosts: [other], signingKeys } });
    signingKeys.pop();
    onTestFinished(() => hosting.close());
    const path = `/_synapse/admin/v1/rooms/${ROOMS.v10}`;
    const send = (body: unknown): Promise<Answer> =>
      hosting.asAdmin(path, { method: 'DELETE', body: JSON.stringify(body) });
    const { members } = jsonOf(await hosting.asAdmin(`${path}/members`)) as { members: string[] };
    const stuck = members.filter((userId) => userId.endsWith(other));
    expect(stuck.length).toBeGreaterThan(0);
    const refused = await send({});
    expect([refused.status, jsonOf(refused)]).toEqual([
      400,
      expect.objectContaining({ errcode: 'M_BAD_STATE', error: expect.stringContaining('still joined') }),
    ]);
    const id = String(jsonOf(refused).job_id);
    expect(jsonOf(await hosting.asAdmin(`/_synapse/admin/v2/rooms/delete_status/${id}`))).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('still joined'),
    });
    expect(jsonOf(await hosting.asAdmin(`${path}/members`))).toEqual({ members: stuck, total: stuck.length });
    const forced = await send({ force_purge: true });
    expect([forced.status, jsonOf(forced)]).toEqual([200, { ...NOTHING_DONE, failed_to_kick_users: stuck }]);
    expect((await hosting.asAdmin(path)).status).toBe(404);
  });
});

describe('a deletion between its steps', () => {
  type Work = JobScope<DeletionProgress>;
  type Done = JobStep<unknown, DeletionProgress>;
  /** Makes the scope of a job. Its hooks run within each step and after the step's commit. */
  const workOf = (
    jobId: string,
    checkpoint: Work['checkpoint'],
    watch: { readonly within?: (done: Done) => void; readonly after?: (done: Done) => Promise<void> | void },
  ): Work =>
    ({
      reader: () => db,
      localServerNames: [SERVER_NAME],
      roomWriter: plugin.admin.rooms,
      announce: () => {},
      federation: undefined,
      limits: { federationRequestMs: 1, connections: 2 },
      roomRemoval: { kind: 'none' },
      actor: SYSTEM.actor,
      checkpoint,
      items: storedItems(jobId),
      signal: new AbortController().signal,
      dryRun: false,
      commit: async (step: Parameters<Work['commit']>[0]) => {
        const done = await db.transaction(async (transaction) => {
          const made = await step(transaction, () => {});
          watch.within?.(made);
          return made;
        });
        await watch.after?.(done);
        return done.value;
      },
    }) as unknown as Work;
  const options = { block: false, purge: true, forcePurge: false, media: 'keep' as const, dryRun: false };
  /** Adds a job that no process claims. */
  const newJob = async (): Promise<string> => {
    const job = {
      kind: 'deleteRoom',
      dedupe_key: randomUUID(),
      input: '{}',
      created_by: 'test',
      run_after: new Date('2999-01-01'),
    };
    const [row] = await db('matrix_admin.jobs').insert(job).returning('id');
    return row.id;
  };

  it('also removes users who join after the others have left', async () => {
    const roomId = ROOMS.v1 as RoomId;
    const erin = USERS.erin.user_id as UserId;
    const join = { type: 'm.room.member', sender: erin, stateKey: erin, content: { membership: 'join' } };
    let hasJoined = false;
    const work = workOf(await newJob(), undefined, {
      after: async ({ phase, value, checkpoint }) => {
        // This moment is the end of the evacuation.
        if (hasJoined || phase !== 'leave' || value !== true || checkpoint.evacuation === undefined) return;
        hasJoined = true;
        await db.transaction((transaction) => plugin.admin.rooms.append(transaction, roomId, [join]));
      },
    });
    const { kickedUsers: kicked } = await deleteRoom.run(work, { ...options, roomId });
    expect([hasJoined, kicked]).toEqual([true, [...EVERYBODY, erin]]);
    expect((await room(roomId)).status).toBe(404);
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it.each([
    ['in no new room', undefined],
    ['in a new room', USERS.admin.user_id as UserId],
  ])('ends even if a user rejoins after every leave: %s', async (_case, newRoomUserId) => {
    const joinOf = (sender: UserId) =>
      ({ type: 'm.room.member', sender, stateKey: sender, content: { membership: 'join' } }) as const;
    const [alice, erin, frank] = idsOf('alice', 'erin', 'frank') as [UserId, UserId, UserId];
    const joinRules = { type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: 'public' } };
    const drafts = [joinOf(alice), joinRules, joinOf(erin)];
    const { roomId } = await db.transaction((transaction) =>
      plugin.admin.rooms.create(transaction, { version: '10', creator: alice, content: {}, drafts }),
    );
    const comeBack = (users: readonly UserId[]): Promise<unknown> =>
      db.transaction((transaction) => plugin.admin.rooms.append(transaction, roomId, users.map(joinOf)));
    let leaves = 0;
    const work = workOf(await newJob(), undefined, {
      after: async ({ phase, checkpoint }) => {
        if (phase !== 'leave' || checkpoint.evacuation === undefined) return;
        leaves += 1;
        if (leaves > 10) throw new Error('it does not end');
        await comeBack([erin, frank].slice(0, leaves));
      },
    });
    const deleted = await deleteRoom.run(work, { ...options, roomId, newRoomUserId });
    expect(deleted.kickedUsers.toSorted()).toEqual([alice, erin, frank]);
    expect((await room(roomId)).status).toBe(404);
    if (deleted.newRoomId !== null) {
      const { members } = jsonOf(await room(deleted.newRoomId, '/members')) as { members: string[] };
      expect(members.toSorted()).toEqual([USERS.admin.user_id, alice, erin, frank]);
    }
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('can crash before and after each of its commits, and does nothing twice', async () => {
    const roomId = ROOMS.v11 as RoomId;
    const names = await namesOf(db, roomId);
    const newRoomUserId = USERS.admin.user_id as UserId;
    const jobId = await newJob();
    let checkpoint: JobScope['checkpoint'];
    /** Resumes the job. Makes it fail within a step, or after the step's commit. */
    const dieAt = (last: number, moment: 'before the commit' | 'after the commit'): Promise<unknown> => {
      let steps = 0;
      const dieIn = (now: typeof moment): void => {
        if (steps === last && moment === now) throw new Error('killed');
      };
      const work = workOf(jobId, checkpoint, {
        within: () => {
          steps += 1;
          dieIn('before the commit');
        },
        after: (done) => {
          checkpoint = JSON.parse(JSON.stringify(done.checkpoint));
          dieIn('after the commit');
        },
      });
      return deleteRoom.run(work, { ...options, roomId, newRoomUserId });
    };
    let result: unknown;
    let deaths = 0;
    for (let last = 1; result === undefined; last++) {
      for (const moment of ['before the commit', 'after the commit'] as const) {
        result ??= await dieAt(last, moment).catch((error: Error) => {
          expect(error.message).toBe('killed');
          deaths += 1;
        });
      }
    }
    expect(deaths).toBeGreaterThan(6);
    const { kickedUsers: kicked, newRoomId: newRoom } = result as { kickedUsers: string[]; newRoomId: string };
    expect(kicked).toEqual(expect.arrayContaining(EVERYBODY));
    expect(await plugin.admin.operations.getRoom({ roomId: newRoom }, SYSTEM)).toMatchObject({
      joinedMembers: kicked.length + 1,
    });
    expect(await db('roomserver_rooms').where('room_id', roomId)).toEqual([]);
    const said = await db('syncapi_output_room_events').where({ room_id: newRoom, type: 'm.room.message' });
    expect(said).toHaveLength(1);
    const made = await db('syncapi_current_room_state').where({ type: 'm.room.create', sender: newRoomUserId });
    expect(made.filter(({ room_id }) => room_id === newRoom)).toHaveLength(1);
    const traces = await tracesOf(db, names);
    expect(traces.filter((trace) => !/queue|search_documents/.test(trace))).toEqual([]);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});
