import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { findRoom } from '../../storage/roomserver/rooms.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import {
  type DeletedMediaIds,
  type DeletionCounts,
  deleteAsJob,
  requireFileRemoval,
  withoutKept,
} from './deleted-media.ts';
import { findMediaOfRoom } from './room-media.ts';

/**
 * Which media of a room to delete. `unused`: only media to which nothing outside of the room refers. `all`: all media of the
 * room.
 */
export const DELETABLE = ['unused', 'all'] as const;
export type Deletable = (typeof DELETABLE)[number];

/** Yields those media of a room that `which` selects, in batches. Yields nothing for an unknown room. */
export async function* deletableMediaOfRoom(
  work: Pick<JobScope, 'reader' | 'signal'>,
  roomId: RoomId,
  which: Deletable,
): AsyncGenerator<readonly MediaKey[], void, undefined> {
  const room = await findRoom(work.reader(), roomId);
  if (room === undefined) return;
  const keys = await findMediaOfRoom({ db: work.reader(), signal: work.signal }, roomId);
  const except = { exceptRoom: room.roomNid };
  yield* withoutKept(work, keys, { keep: which === 'unused' ? 'named' : 'nothing', except });
}

/**
 * Deletes the media that the events of a room use, both local media and copies of media of other servers. The events stay.
 * Media of encrypted events are not deleted, because the homeserver cannot read these events.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const deleteRoomMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /**
     * Which media to delete. `unused`: only media to which nothing outside of the room refers. `all`: all media of the room.
     * @defaultValue `unused`
     */
    media: z.enum(DELETABLE).default('unused'),
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  dedupeKey: ({ roomId }) => roomId,
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope, { roomId }) => {
    requireFileRemoval(scope);
    if ((await findRoom(scope.transaction, roomId)) === undefined) {
      throw new MatrixError('M_NOT_FOUND', 'room does not exist');
    }
  },
  run: (work: JobScope<DeletionCounts>, { roomId, media }): Promise<DeletedMediaIds> =>
    deleteAsJob(work, deletableMediaOfRoom(work, roomId, media)),
});
