import { isRoomId, MatrixError, type RoomId } from '../../index.ts';
import { isRoomAlias } from '../../matrix/index.ts';
import type { HostContext } from '../host-context.ts';
import { findAlias } from '../storage/room-aliases.ts';

/**
 * Returns the room id for an alias that this homeserver stores. Returns a room id unchanged.
 * @throws MatrixError `M_INVALID_PARAM` if the text is neither a room id nor an alias, `M_NOT_FOUND` if this homeserver does
 * not store the alias
 */
export async function resolveRoom({ db }: HostContext, idOrAlias: string): Promise<RoomId> {
  if (isRoomId(idOrAlias)) return idOrAlias;
  if (!isRoomAlias(idOrAlias)) throw new MatrixError('M_INVALID_PARAM', 'neither a room id nor a room alias');
  const found = await findAlias(db, idOrAlias);
  if (found === undefined) throw new MatrixError('M_NOT_FOUND', `Room alias ${idOrAlias} not found`);
  return found.roomId;
}
