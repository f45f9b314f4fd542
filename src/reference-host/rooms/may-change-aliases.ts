import { ACCOUNT_TYPE, findAccountType, findRoom, readGovernance } from '../../homeserver/index.ts';
import type { RoomId, UserId } from '../../index.ts';
import { requiredLevelToSend } from '../../matrix/index.ts';
import type { HostContext } from '../host-context.ts';
import { findMembership } from '../storage/memberships.ts';

/**
 * Tells whether a user may delete other users' aliases of a room, and may change whether the room is in the room directory.
 * Administrators of the homeserver may do so, and members of the room whose power level allows them to set the canonical alias.
 */
export async function mayChangeAliases({ db, admin }: HostContext, roomId: RoomId, userId: UserId): Promise<boolean> {
  if ((await findAccountType(db, userId)) === ACCOUNT_TYPE.admin) return true;
  const room = await findRoom(db, roomId);
  if (room === undefined || (await findMembership(db, roomId, userId))?.membership !== 'join') return false;
  const { levelOf, power, version } = await readGovernance(admin.rooms.states, db, room);
  return levelOf(userId) >= requiredLevelToSend(power, version, { type: 'm.room.canonical_alias', isState: true });
}
