import type { Knex } from 'knex';
import { MatrixError, type RoomId } from '../../index.ts';
import type { HostContext } from '../host-context.ts';

/**
 * Refuses joins, knocks and invites of local users if an administrator has blocked the room.
 * @param transaction the transaction that writes the event. It must have locked the room.
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
