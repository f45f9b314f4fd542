import { listAbandonedRooms, purgeAbandonedRooms } from './abandoned-rooms.ts';
import { deleteRoom } from './delete-room.ts';
import { downloadState } from './download-state.ts';
import { emptyRooms } from './empty-rooms.ts';
import { evacuateRoom } from './evacuate-room.ts';
import { fetchEvent } from './fetch-event.ts';
import { findEventByTime } from './find-event-by-time.ts';
import { getEventContext } from './get-event-context.ts';
import { listRoomMessages } from './list-room-messages.ts';
import { listRooms } from './list-rooms.ts';
import { purgeRoom } from './purge-room.ts';
import { getRoomDeletion, listRoomDeletions } from './room-deletions.ts';
import { getRoom, getRoomState, listRoomMembers, roomInfo } from './room-details.ts';

export const ROOM_OPERATIONS = {
  listAbandonedRooms,
  purgeAbandonedRooms,
  evacuateRoom,
  downloadState,
  emptyRooms,
  roomInfo,
  purgeRoom,
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
};
