import { MatrixError } from '../errors.ts';
import { isRoomId, type RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { isRoomShown } from '../storage/roomserver/room-summaries.ts';

/** @throws MatrixError `M_NOT_FOUND` with Synapse's text */
export function noSuchRoom(): never {
  throw new MatrixError('M_NOT_FOUND', 'Room not found');
}

/**
 * A room that there is something to be shown of: a room that is being purged is out of sight, and a stub is none yet.
 * @throws MatrixError `M_NOT_FOUND`, for what is no room id too
 */
export async function requireShownRoom(db: Db, roomId: string): Promise<RoomId> {
  return isRoomId(roomId) && (await isRoomShown(db, roomId)) ? roomId : noSuchRoom();
}
