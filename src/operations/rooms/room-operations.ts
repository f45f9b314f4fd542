import type { OperationsIn } from '../define-operation.ts';
import { listAbandonedRooms, purgeAbandonedRooms } from './abandoned-rooms.ts';
import { deleteRoom } from './delete-room.ts';
import { downloadState } from './download-state.ts';
import { emptyRooms } from './empty-rooms.ts';
import { evacuateRoom } from './evacuate-room.ts';
import { fetchEvent } from './fetch-event.ts';
import { findEventByTime } from './find-event-by-time.ts';
import { listForwardExtremities, mergeForwardExtremities } from './forward-extremities.ts';
import { getEventContext } from './get-event-context.ts';
import { getRoomHierarchy } from './get-room-hierarchy.ts';
import { getHistoryPurge } from './history-purges.ts';
import { joinRoom } from './join-room.ts';
import { listRoomMessages } from './list-room-messages.ts';
import { listRooms } from './list-rooms.ts';
import { makeRoomAdmin } from './make-room-admin.ts';
import { purgeHistory } from './purge-history.ts';
import { purgeRoom } from './purge-room.ts';
import { purgeExpiredHistory } from './retention.ts';
import { getRoomDeletion, listRoomDeletions } from './room-deletions.ts';
import { getRoom, getRoomState, listRoomMembers, roomInfo } from './room-details.ts';
import { setRoomPublished } from './set-room-published.ts';

/**
 * The room operations, by name. The type is derived from the files that define the operations, so that editors show the doc
 * comment of each operation.
 */
export type RoomOperations = OperationsIn<
  typeof import('./abandoned-rooms.ts') &
    typeof import('./delete-room.ts') &
    typeof import('./download-state.ts') &
    typeof import('./empty-rooms.ts') &
    typeof import('./evacuate-room.ts') &
    typeof import('./fetch-event.ts') &
    typeof import('./find-event-by-time.ts') &
    typeof import('./forward-extremities.ts') &
    typeof import('./get-event-context.ts') &
    typeof import('./get-room-hierarchy.ts') &
    typeof import('./history-purges.ts') &
    typeof import('./join-room.ts') &
    typeof import('./list-room-messages.ts') &
    typeof import('./list-rooms.ts') &
    typeof import('./make-room-admin.ts') &
    typeof import('./purge-history.ts') &
    typeof import('./purge-room.ts') &
    typeof import('./retention.ts') &
    typeof import('./room-deletions.ts') &
    typeof import('./room-details.ts') &
    typeof import('./set-room-published.ts')
>;

export const ROOM_OPERATIONS: RoomOperations = {
  listAbandonedRooms,
  purgeAbandonedRooms,
  evacuateRoom,
  downloadState,
  emptyRooms,
  roomInfo,
  purgeRoom,
  purgeHistory,
  getHistoryPurge,
  purgeExpiredHistory,
  deleteRoom,
  getRoomDeletion,
  listRoomDeletions,
  listRooms,
  getRoom,
  listRoomMembers,
  getRoomState,
  getEventContext,
  listRoomMessages,
  findEventByTime,
  fetchEvent,
  getRoomHierarchy,
  listForwardExtremities,
  mergeForwardExtremities,
  joinRoom,
  makeRoomAdmin,
  setRoomPublished,
};
