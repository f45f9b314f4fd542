import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isRoomId, type RoomId, type UserId } from '../../ids.ts';
import { type ClientEvent, clientEventOf } from '../../matrix/client-event.ts';
import type { Db } from '../../storage/database.ts';
import { listJoinedUsers } from '../../storage/roomserver/membership.ts';
import { findRoomInfo, type RoomInfo } from '../../storage/roomserver/room-info.ts';
import { findRoomDetails, isRoomShown, type RoomDetails } from '../../storage/roomserver/room-summaries.ts';
import { listCurrentState } from '../../storage/syncapi/current-state.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from './room-id-input.ts';

function noSuchRoom(): never {
  throw new MatrixError('M_NOT_FOUND', 'Room not found');
}

/**
 * Checks that the homeserver has events of a room and that the room is not being purged.
 * @returns the room's id
 * @throws MatrixError `M_NOT_FOUND` if the check fails, or if `roomId` is not a room id
 */
export async function requireShownRoom(db: Db, roomId: string): Promise<RoomId> {
  return isRoomId(roomId) && (await isRoomShown(db, roomId)) ? roomId : noSuchRoom();
}

/**
 * Shows an overview of a room, such as its version, name, aliases and numbers of members and events.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const roomInfo = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async ({ db, localServerNames }, { roomId }): Promise<RoomInfo> => {
    const room = await findRoomInfo(db, roomId, localServerNames);
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
    return room;
  },
});

/**
 * Shows one room in Synapse's format. Synapse's route is `GET /_synapse/admin/v1/rooms/{roomId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const getRoom = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: z.string(),
  }),
  run: async ({ db, localServerNames }, { roomId }): Promise<RoomDetails> =>
    (isRoomId(roomId) ? await findRoomDetails(db, roomId, localServerNames) : undefined) ?? noSuchRoom(),
});

/**
 * Lists the joined members of a room. Synapse's route is `GET /_synapse/admin/v1/rooms/{roomId}/members`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const listRoomMembers = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: z.string(),
  }),
  run: async ({ db }, { roomId }): Promise<UserId[]> => listJoinedUsers(db, await requireShownRoom(db, roomId)),
});

/**
 * Shows a room's current state in the format of client events. Synapse's route is `GET
 * /_synapse/admin/v1/rooms/{roomId}/state`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const getRoomState = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: z.string(),
    /** Only events of this type are shown. @defaultValue all types */
    type: z.string().max(255).optional(),
  }),
  run: async ({ db }, { roomId, type }): Promise<ClientEvent[]> => {
    const room = await requireShownRoom(db, roomId);
    const now = Date.now();
    return (await listCurrentState(db, room, { type })).map(({ eventId, event }) =>
      clientEventOf(event, { eventId, roomId: room, now }),
    );
  },
});
