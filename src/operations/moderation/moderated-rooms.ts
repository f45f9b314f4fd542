import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { isFinished } from '../../jobs/job.ts';
import { viewJob } from '../../jobs/jobs.ts';
import { type ClientEvent, clientEventOf } from '../../matrix/client-event.ts';
import { findBlockedRoom } from '../../storage/plugin/blocked-rooms.ts';
import { readJobs } from '../../storage/plugin/jobs.ts';
import { findRoomDetails, type RoomDetails } from '../../storage/roomserver/room-summaries.ts';
import { listCurrentState } from '../../storage/syncapi/current-state.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { viewDeletion } from '../rooms/room-deletions.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';

/** What an administrator sees before deciding what to do about a room. */
export interface ModeratedRoom {
  readonly details: RoomDetails;
  /** Whether the room is blocked, so that local users cannot join it. */
  readonly blocked: boolean;
  readonly createEvent: ClientEvent;
  /** The room's current state, except for members. */
  readonly state: readonly ClientEvent[];
}

/**
 * Shows a room, whether the room is blocked, and its current state without members. Source: MSC4390, `GET
 * /_matrix/client/v1/admin/rooms/{roomID}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const getModeratedRoom = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async ({ db, localServerNames }, { roomId }): Promise<ModeratedRoom> => {
    const details = await findRoomDetails(db, roomId, localServerNames);
    const now = Date.now();
    const state = (await listCurrentState(db, roomId, { notType: 'm.room.member' })).map(({ eventId, event }) =>
      clientEventOf(event, { eventId, roomId, now }),
    );
    const createEvent = state.find(({ type }) => type === 'm.room.create');
    if (details === undefined || createEvent === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found');
    return { details, blocked: (await findBlockedRoom(db, roomId)) !== undefined, createEvent, state };
  },
});

/** How far the newest call of `deleteRoom` for a room is. */
export interface RoomDeletionStatus {
  readonly roomId: RoomId;
  /** Local users who have left the room so far, or who could not leave it. */
  readonly users: readonly string[];
  /** Local aliases of the room that were moved to a new room so far. */
  readonly aliases: readonly string[];
  readonly percent: number;
  /** Estimated time until the end in ms. 0 if it is not known. */
  readonly etaMs: number;
  readonly done: boolean;
}

/**
 * Shows how far the newest call of `deleteRoom` for a room is. Source: MSC4390, `GET
 * /_matrix/client/v1/admin/rooms/{roomID}/delete/status`.
 * @throws MatrixError `M_NOT_FOUND` if no such call is known for the room
 */
export const getRoomDeletionStatus = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async ({ db }, { roomId }): Promise<RoomDeletionStatus> => {
    const [job] = await readJobs(db, { kind: 'deleteRoom', target: roomId }, { limit: 1 });
    if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'No deletion of this room found');
    const { shutdownRoom } = await viewDeletion(db, job);
    const { percent, etaMs } = viewJob(job);
    const done = isFinished(job);
    return {
      roomId,
      users: [...(shutdownRoom?.kickedUsers ?? []), ...(shutdownRoom?.failedToKickUsers ?? [])],
      aliases: shutdownRoom?.localAliases ?? [],
      percent: done ? 100 : Math.floor(percent ?? 0),
      etaMs: etaMs ?? 0,
      done,
    };
  },
});
