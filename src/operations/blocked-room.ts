import { MatrixError } from '../errors.ts';
import type { RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { type BlockedRoom, findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';

/** @throws MatrixError `M_NOT_FOUND` */
export function notBlocked(): never {
  throw new MatrixError('M_NOT_FOUND', 'this room is not blocked');
}

/** @throws MatrixError `M_NOT_FOUND` */
export async function requireBlockedRoom(db: Db, roomId: RoomId): Promise<BlockedRoom> {
  return (await findBlockedRoom(db, roomId)) ?? notBlocked();
}
