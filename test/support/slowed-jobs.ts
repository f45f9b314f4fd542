import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { AdminPluginOptions } from '../../src/config.ts';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import type { AdminPlugin } from '../../src/plugin.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { addAccount, USERS } from './dendrite-server.ts';
import { insertMedia } from './media-fixture.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const DAY_MS = 24 * 3_600_000;
const ROOM = server.rooms.v10 as RoomId;
const OTHER_ROOM = server.rooms.v9 as RoomId;
/** A room of another server, in which local users are. */
export const REMOTE_ROOM = server.rooms.remote as RoomId;
const REMOTE = server.remote_server_name as ServerName;
const NOTICE = { content: { msgtype: 'm.text', body: 'notice' } };

/**
 * A job, and how it is slowed down: by a trigger on `table`, or by something that does not answer. Another server or the host's
 * store of media may not answer.
 */
export interface SlowedJob {
  readonly kind: string;
  /** Further kinds of jobs that do their work with the same code, so that this case tests them too. @defaultValue none */
  readonly alsoFor?: readonly string[];
  readonly by: string;
  readonly trigger?: { readonly table: string; readonly on: 'INSERT' | 'UPDATE' | 'DELETE' };
  readonly prepare?: (db: Knex) => Promise<unknown>;
  /** The option `rooms` of the plugin. @defaultValue purges abandoned rooms after a day */
  readonly rooms?: AdminPluginOptions['rooms'];
  /**
   * Whether `stop()` waits until the job has ended, because the job is in its only step. @defaultValue false: another process
   * resumes the job
   */
  readonly endsHere?: boolean;
  readonly start: (admin: AdminPlugin) => Promise<{ readonly jobId: string }>;
}

const WRITES = { table: 'public.roomserver_events', on: 'INSERT' } as const;
const DELETES = { table: 'public.syncapi_output_room_events', on: 'DELETE' } as const;
/** A time after the upload of all media in the tests. */
const LATER = Date.UTC(2100, 0);
/** Erin is invited to a room of another server. */
const erin = USERS.erin.user_id as UserId;
const alice = USERS.alice.user_id as UserId;

/** Every kind of job occurs at least once, as a case or in `alsoFor`. */
export const SLOWED_JOBS: readonly SlowedJob[] = [
  {
    kind: 'evacuateRoom',
    by: 'its leaves',
    trigger: WRITES,
    endsHere: true,
    start: ({ operations }) => operations.evacuateRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'evacuateUser',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.evacuateUser.start({ userId: alice }, SYSTEM),
  },
  {
    kind: 'evacuateUser',
    by: 'another server',
    start: ({ operations }) => operations.evacuateUser.start({ userId: erin }, SYSTEM),
  },
  {
    kind: 'deactivateUser',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.deactivateUser.start({ userId: alice }, SYSTEM),
  },
  {
    kind: 'downloadState',
    by: 'another server',
    start: ({ operations }) => operations.downloadState.start({ serverName: REMOTE, roomId: REMOTE_ROOM }, SYSTEM),
  },
  {
    kind: 'refreshDevices',
    by: 'another server',
    start: ({ operations }) => operations.refreshDevices.start({ userId: `@zoe:${REMOTE}` as UserId }, SYSTEM),
  },
  {
    kind: 'sendServerNotices',
    by: 'its messages',
    trigger: WRITES,
    // There are more accounts than one step sends notices to.
    prepare: async (db) => {
      for (let n = 0; n < 16; n += 1) await addAccount(db, { localpart: `user${n}`, accountType: 1 });
    },
    start: ({ operations }) => operations.sendServerNotices.start(NOTICE, SYSTEM),
  },
  {
    kind: 'purgeRoom',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.purgeRoom.start({ roomId: ROOM, evacuate: true }, SYSTEM),
  },
  {
    kind: 'purgeRoom',
    by: 'its deletions',
    trigger: DELETES,
    start: ({ operations }) => operations.purgeRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'deleteRoom',
    by: 'its leaves',
    trigger: WRITES,
    start: ({ operations }) => operations.deleteRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'deleteRoom',
    by: 'its deletions',
    trigger: DELETES,
    start: ({ operations }) => operations.deleteRoom.start({ roomId: ROOM }, SYSTEM),
  },
  {
    kind: 'reindexFulltext',
    by: 'its batches',
    trigger: { table: 'matrix_admin.job_ranges', on: 'UPDATE' },
    start: ({ operations }) => operations.reindexFulltext.start({}, SYSTEM),
  },
  {
    kind: 'purgeAbandonedRooms',
    by: 'its look',
    trigger: { table: 'matrix_admin.abandoned_rooms', on: 'INSERT' },
    endsHere: true,
    start: async ({ operations }) => {
      await operations.evacuateRoom({ roomId: ROOM, invites: true, knocks: true }, SYSTEM);
      return operations.purgeAbandonedRooms.start({}, SYSTEM);
    },
  },
  {
    kind: 'runBulk',
    by: 'its items',
    trigger: { table: 'matrix_admin.bulk_items', on: 'UPDATE' },
    start: async ({ operations }) => {
      const userIds = Object.values(USERS).map(({ user_id: userId }) => userId);
      const { token } = await operations.planBulk({ operation: 'setUserSuspended', userIds }, SYSTEM);
      return operations.runBulk.start({ token }, SYSTEM);
    },
  },
  {
    kind: 'redactUserEvents',
    by: 'its redactions',
    trigger: WRITES,
    start: ({ operations }) => operations.redactUserEvents.start({ userId: alice, rooms: [OTHER_ROOM, ROOM] }, SYSTEM),
  },
  {
    kind: 'exportUser',
    by: 'its parts',
    trigger: { table: 'matrix_admin.user_export_parts', on: 'INSERT' },
    start: ({ operations }) => operations.exportUser.start({ userId: alice }, SYSTEM),
  },
  {
    kind: 'purgeHistory',
    by: 'its deletions',
    trigger: DELETES,
    start: ({ operations }) => operations.purgeHistory.start({ roomId: ROOM, upToTs: Date.now() }, SYSTEM),
  },
  {
    kind: 'purgeExpiredHistory',
    by: 'its deletions',
    trigger: DELETES,
    rooms: {
      retention: {
        defaultLifetimeMs: DAY_MS,
        keep: Object.values(server.rooms).filter((roomId) => roomId !== ROOM && roomId !== OTHER_ROOM),
      },
    },
    // The daily run has ended today, so the start of the plugin does not queue another one.
    prepare: (db) =>
      db('matrix_admin.jobs').insert({
        id: randomUUID(),
        kind: 'purgeExpiredHistory',
        state: 'succeeded',
        input: {},
        created_by: 'test',
        created_at: new Date(),
        finished_at: new Date(),
      }),
    start: ({ operations }) => operations.purgeExpiredHistory.start({}, SYSTEM),
  },
  {
    kind: 'rebuildSummaries',
    by: 'its notes of what is complete',
    trigger: { table: 'matrix_admin.summary_states', on: 'UPDATE' },
    prepare: (db) => db('matrix_admin.summary_states').update({ built_at: null }),
    start: ({ operations }) => operations.rebuildSummaries.start({}, SYSTEM),
  },
  {
    kind: 'checkMedia',
    by: "the host's store of media",
    prepare: insertMedia,
    start: ({ operations }) => operations.checkMedia.start({}, SYSTEM),
  },
  {
    kind: 'deleteOldMedia',
    alsoFor: ['deleteMedia', 'deleteRoomMedia', 'purgeMediaCache'],
    by: 'its deletions',
    trigger: { table: 'public.mediaapi_media_repository', on: 'DELETE' },
    prepare: insertMedia,
    start: ({ operations }) => operations.deleteOldMedia.start({ beforeTs: LATER, keepProfiles: false }, SYSTEM),
  },
  {
    kind: 'deleteUserMedia',
    by: 'the removal of files',
    trigger: { table: 'matrix_admin.media_removals', on: 'DELETE' },
    prepare: insertMedia,
    start: ({ operations }) => operations.deleteUserMedia.start({ userId: alice }, SYSTEM),
  },
];
