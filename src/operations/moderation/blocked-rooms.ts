import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import {
  type BlockedRoom,
  deleteBlockedRoom,
  findBlockedRoom,
  insertBlockedRoom,
  readBlockedRooms,
} from '../../storage/plugin/blocked-rooms.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';

function notBlocked(): never {
  throw new MatrixError('M_NOT_FOUND', 'this room is not blocked');
}

/** Finds a blocked room. @throws MatrixError `M_NOT_FOUND` if the room is not blocked */
async function requireBlockedRoom(db: Db, roomId: RoomId): Promise<BlockedRoom> {
  return (await findBlockedRoom(db, roomId)) ?? notBlocked();
}

/** Lists blocked rooms in the order of their ids, page by page. */
export const listBlockedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Maximum number of rooms on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the previous page. */
    from: roomIdInput.optional(),
  }),
  run: async ({ db }, { limit, from }): Promise<{ rooms: BlockedRoom[]; nextToken: RoomId | undefined }> => {
    const found = await readBlockedRooms(db, from ?? '', limit + 1);
    const rooms = found.slice(0, limit);
    return { rooms, nextToken: found.length > limit ? rooms.at(-1)?.roomId : undefined };
  },
});

/**
 * Shows who has blocked a room, when and why.
 * @throws MatrixError `M_NOT_FOUND` if the room is not blocked
 */
export const getBlockedRoom = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The blocked room. */
    roomId: roomIdInput,
  }),
  run: async ({ db }, { roomId }): Promise<BlockedRoom> => requireBlockedRoom(db, roomId),
});

/**
 * Blocks a room, so that local users cannot join it. The homeserver need not know the room. Users who have already joined stay
 * in the room. If the room is already blocked, the new reason, administrator and time replace the old ones.
 */
export const blockRoom = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room. The homeserver need not know the room. */
    roomId: roomIdInput,
    /** Why the room is blocked. Other administrators can read the reason. @defaultValue no reason */
    reason: z.string().max(1_000).optional(),
  }),
  target: ({ roomId }) => roomId,
  run: async ({ transaction, actor }, { roomId, reason }): Promise<BlockedRoom> => {
    await insertBlockedRoom(transaction, { roomId, reason, blockedBy: nameOf(actor) });
    return requireBlockedRoom(transaction, roomId);
  },
});

/**
 * Unblocks a room, so that local users can join it again.
 * @throws MatrixError `M_NOT_FOUND` if the room is not blocked
 */
export const unblockRoom = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The blocked room. */
    roomId: roomIdInput,
  }),
  target: ({ roomId }) => roomId,
  run: async ({ transaction }, { roomId }): Promise<void> => {
    if (!(await deleteBlockedRoom(transaction, roomId))) notBlocked();
  },
});

/**
 * Shows who has blocked a room, when and why. The result is `undefined` if the room is not blocked. Synapse's route is `GET
 * /_synapse/admin/v1/rooms/{roomId}/block`.
 */
export const getRoomBlocked = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. The homeserver need not know the room. */
    roomId: roomIdInput,
  }),
  run: async ({ db }, { roomId }): Promise<BlockedRoom | undefined> => findBlockedRoom(db, roomId),
});

/**
 * Blocks a room, or unblocks a room so that local users can join it again. If the room is already blocked, blocking it again
 * removes the reason. Unblocking a room that is not blocked changes nothing. Synapse's route is `PUT
 * /_synapse/admin/v1/rooms/{roomId}/block`.
 */
export const setRoomBlocked = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room. The homeserver need not know the room. */
    roomId: roomIdInput,
    /** `true` blocks the room. `false` lets local users join it again. */
    block: z.boolean(),
  }),
  target: ({ roomId }) => roomId,
  includes: ({ roomId, block }) => [{ operation: block ? 'blockRoom' : 'unblockRoom', input: { roomId } }],
  run: async (scope, { roomId, block }): Promise<{ block: boolean }> => {
    if (block) await blockRoom.run(scope, { roomId }, undefined);
    else await deleteBlockedRoom(scope.transaction, roomId);
    return { block };
  },
});
