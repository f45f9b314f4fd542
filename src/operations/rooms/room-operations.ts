import { deleteRoom } from './delete-room.ts';
import { downloadState } from './download-state.ts';
import { emptyRooms } from './empty-rooms.ts';
import { evacuateRoom } from './evacuate-room.ts';
import { getEventContext } from './get-event-context.ts';
import { listRooms } from './list-rooms.ts';
import { purgeRoom } from './purge-room.ts';
import { getRoomDeletion, listRoomDeletions } from './room-deletions.ts';
import { getRoom, getRoomState, listRoomMembers, roomInfo } from './room-details.ts';

export const ROOM_OPERATIONS = {
  deleteRoom,
  downloadState,
  emptyRooms,
  evacuateRoom,
  getEventContext,
  listRooms,
  purgeRoom,
  getRoomDeletion,
  listRoomDeletions,
  getRoom,
  getRoomState,
  listRoomMembers,
  roomInfo,
};
