import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { TEST_ACTOR } from '../support/search-plugin.ts';

const CALLER = { actor: TEST_ACTOR };
const ROOM = server.rooms.v10 as RoomId;
/** The rooms that these tests delete. */
const [DELETED, SHUT] = [server.rooms.v4 as RoomId, server.rooms.v9 as RoomId];

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
let operations: AdminPlugin['operations'];
/** A transaction with locks. Jobs that lock rooms wait until it ends. */
let hold: Knex.Transaction;
beforeAll(async () => {
  // The pool is large, because jobs that wait occupy connections.
  database = await createTestDatabase({ fixture: true, poolSize: 30 });
  ({ db } = database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  plugin = await mountPlugin({ database, options: ALL_ROUTES });
  ({ operations } = plugin.admin);
  hold = await db.transaction();
  await hold('public.roomserver_rooms').select('room_nid').forUpdate();
});
afterEach(async () => {
  await hold.rollback();
  const { jobs } = await operations.listJobs({}, CALLER);
  await Promise.all(jobs.map(({ id }) => plugin.admin.jobs.wait(id)));
  await plugin.close();
});

describe('a call whose job is already running', () => {
  it('joins it if the input is the same, in any order', async () => {
    const started = [
      await operations.evacuateRoom.start({ roomId: ROOM, invites: true, knocks: false }, CALLER),
      await operations.evacuateRoom.start({ knocks: false, invites: true, roomId: ROOM }, CALLER),
      await operations.evacuateRoom.start(
        { invites: true, roomId: ROOM },
        { actor: { kind: 'system', name: 'other' } },
      ),
    ];
    expect(new Set(started.map(({ jobId }) => jobId)).size).toBe(1);
  });

  it('is refused if the input differs, with the running job', async () => {
    const { jobId } = await operations.evacuateRoom.start({ roomId: ROOM }, CALLER);
    const refusal = {
      errcode: 'M_BAD_STATE',
      message: 'The same operation is running with other options',
      status: 409,
    };
    await expect(operations.evacuateRoom.start({ roomId: ROOM, invites: true }, CALLER)).rejects.toMatchObject({
      ...refusal,
      fields: { job_id: jobId },
    });
    const answer = await plugin.asAdmin(`/_dendrite/admin/evacuateRoom/${ROOM}`, {
      method: 'POST',
      body: '{"knocks":true}',
    });
    expect([answer.status, jsonOf(answer)]).toEqual([
      409,
      { errcode: 'M_BAD_STATE', error: 'The same operation is running with other options', job_id: jobId },
    ]);
  });

  it('is refused if another operation does the same work', async () => {
    const { jobId } = await operations.deleteRoom.start({ roomId: DELETED, block: true }, CALLER);
    await expect(operations.purgeRoom.start({ roomId: DELETED, evacuate: true }, CALLER)).rejects.toMatchObject({
      status: 409,
      fields: { job_id: jobId },
    });
  });

  it('does not begin the work a second time', async () => {
    const deletion = { roomId: SHUT, block: true, purge: false };
    const { jobId } = await operations.deleteRoom.start(deletion, CALLER);
    const isBlocked = async (): Promise<boolean> =>
      (await operations.listBlockedRooms({}, CALLER)).rooms.some(({ roomId }) => roomId === SHUT);
    expect(await isBlocked()).toBe(true);
    await operations.unblockRoom({ roomId: SHUT }, CALLER);
    expect(await operations.deleteRoom.start(deletion, CALLER)).toEqual({ jobId, joined: true });
    expect(await isBlocked()).toBe(false);
  });

  it('with another target, or of another operation, has a job of its own', async () => {
    const alice = USERS.alice.user_id as UserId;
    const started = [
      await operations.evacuateRoom.start({ roomId: ROOM }, CALLER),
      await operations.evacuateRoom.start({ roomId: server.rooms.v8 }, CALLER),
      await operations.evacuateUser.start({ userId: alice }, CALLER),
      await operations.evacuateUser.start({ userId: USERS.bob.user_id }, CALLER),
      await operations.deactivateUser.start({ userId: USERS.bob.user_id }, CALLER),
    ];
    expect(new Set(started.map(({ jobId }) => jobId)).size).toBe(started.length);
    const shown = await operations.listJobs({ target: alice }, CALLER);
    expect(shown.jobs.map(({ id, target }) => [id, target])).toEqual([[started[2]?.jobId, alice]]);
  });
});
