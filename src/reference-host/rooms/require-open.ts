import type { Knex } from 'knex';
import { MatrixError, type RoomId } from '../../index.ts';
import type { HostContext } from '../host-context.ts';

/**
 * Checks that local users may join a room, knock at it or be invited to it: no administrator has blocked the room, and no purge
 * of the room is running.
 * @param transaction the transaction that writes the event and has locked the room @defaultValue the check uses no transaction
 * @throws MatrixError `M_FORBIDDEN` if the room is blocked, `M_BAD_STATE` if a purge of the room is running
 */
export async function requireOpen(
  { admin, db }: HostContext,
  roomId: RoomId,
  transaction: Knex | Knex.Transaction = db,
): Promise<void> {
  const admission = await admin.rooms.check(roomId, { transaction });
  if (admission === 'blocked') throw new MatrixError('M_FORBIDDEN', 'This room is blocked on this server');
  if (admission === 'purging') throw new MatrixError('M_BAD_STATE', 'The room is being purged');
}
