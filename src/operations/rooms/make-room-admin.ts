import { MatrixError, ParameterError } from '../../errors.ts';
import { splitUserId, type UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { stateName } from '../../matrix/auth-events.ts';
import { membershipOf } from '../../matrix/auth-state.ts';
import { levelOf, requiredLevelToSend } from '../../matrix/power-levels.ts';
import { type RoomEventDraft, stateDraftsOf } from '../../rooms/event-chain.ts';
import { findMostPowerful, type Governance, readGovernance } from '../../rooms/governance.ts';
import { requireRoom } from '../../rooms/room-writer.ts';
import type { StoredRoom } from '../../storage/roomserver/rooms.ts';
import { defineOperation, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { appendAll } from './append-all.ts';
import { refuseBlocked } from './join-room.ts';
import { resolveRoomId, roomIdOrAliasInput } from './room-id-input.ts';

const POWER_LEVELS = 'm.room.power_levels';
/** The power level that clients call administrator. */
const ADMIN_LEVEL = 100;

/**
 * Gives a user the power level that the most powerful local member of a room has. This local member sends the new power levels.
 * If this member is a creator whose level is infinite, the user gets the highest level in the power levels event, but at least
 * 100. If the room is not public and the user is neither joined nor invited, the local member also invites the user. If the
 * user already has at least this power level, the power levels do not change. Synapse's route is `POST
 * /_synapse/admin/v1/rooms/{roomIdOrAlias}/make_room_admin`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room or user
 * @throws MatrixError `M_FORBIDDEN` if the user is banned from the room, or if the user needs an invite and the room is blocked
 * @throws MatrixError `M_BAD_STATE` if no local user is in the room or may change the power levels, or if a remote user needs
 * an invite
 * @throws MatrixError 409 `M_BAD_STATE` if others keep adding events to the room during the call
 */
export const makeRoomAdmin = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room, or a local alias of the room. */
    roomId: roomIdOrAliasInput,
    /** The user who gets the power level. @defaultValue the administrator who calls the operation */
    userId: userIdInput.optional(),
  }),
  resolve: resolveRoomId,
  target: ({ roomId }) => roomId,
  run: async (scope, { roomId, userId: given }): Promise<void> => {
    const { transaction, actor, roomWriter, localServerNames } = scope;
    const userId = given ?? (actor.kind === 'user' ? actor.userId : undefined);
    if (userId === undefined) throw new ParameterError(['userId'], undefined);
    const room = await requireRoom(transaction, roomId);
    if (localServerNames.includes(splitUserId(userId).serverName)) await requireAccount(scope, userId);
    const governance = await readGovernance(roomWriter.states, transaction, room);
    const granter = await findMostPowerful(transaction, room, governance, localServerNames);
    if (granter === undefined) throw new MatrixError('M_BAD_STATE', 'no local user is in the room');
    const drafts = [...powerDrafts(governance, granter, userId), ...(await inviteDrafts(scope, room, granter, userId))];
    if (drafts.length > 0) await appendAll(scope, roomId, drafts);
  },
});

/**
 * Returns the `m.room.power_levels` event with which the granter gives the user a power level. Returns no event if the user
 * already has this level or a higher one, and may change the power levels.
 * @throws MatrixError `M_BAD_STATE` if the granter may not change the power levels
 */
function powerDrafts(governance: Governance, granter: UserId, userId: UserId): RoomEventDraft[] {
  const { power, version } = governance;
  const level = grantedLevel(governance, granter);
  const required = requiredLevelToSend(power, version, { type: POWER_LEVELS, isState: true });
  if (governance.levelOf(userId) >= Math.max(level, required)) return [];
  if (governance.levelOf(granter) < required) {
    throw new MatrixError('M_BAD_STATE', 'no local user may change the power levels of the room');
  }
  const before = isRecord(power.powerLevels?.content) ? power.powerLevels.content : undefined;
  const users = isRecord(before?.users) ? before.users : {};
  // In a room without a power levels event, only the creator has a level, so the granter is the creator. The new event must
  // contain the granter's level too, because the granter would otherwise lose this level.
  const creators = before === undefined && !version.privilegedCreators ? { [granter]: level } : {};
  return [stateDraftsOf(granter)(POWER_LEVELS, { ...before, users: { ...users, ...creators, [userId]: level } })];
}

/**
 * Returns the power level that the user gets. This is the granter's own level, unless the granter is a creator with an infinite
 * level. Nobody can give an infinite level. The user then gets the highest level in the power levels event, but at least 100.
 */
function grantedLevel({ levelOf: of, power, version }: Governance, granter: UserId): number {
  const own = of(granter);
  if (Number.isFinite(own)) return own;
  const content = isRecord(power.powerLevels?.content) ? power.powerLevels.content : {};
  const levels = [content, content.events, content.users].flatMap((group) =>
    isRecord(group) ? Object.values(group).map((value) => levelOf(value, version) ?? 0) : [],
  );
  return levels.reduce((highest, level) => Math.max(highest, level), ADMIN_LEVEL);
}

/**
 * Returns the event with which the granter invites the user. Returns no event if the user needs no invite: the room is public,
 * or the user is joined or invited.
 * @throws MatrixError `M_FORBIDDEN` if the user is banned, or needs an invite and the room is blocked; `M_BAD_STATE` if a
 * remote user needs an invite
 */
async function inviteDrafts(
  { transaction, roomWriter, localServerNames }: WriteScope,
  room: StoredRoom,
  granter: UserId,
  userId: UserId,
): Promise<RoomEventDraft[]> {
  const { events } = await roomWriter.states.load(transaction, room.stateSnapshotNid, [
    ['m.room.join_rules', ''],
    ['m.room.member', userId],
  ]);
  const membership = membershipOf(events.get(stateName('m.room.member', userId))?.event);
  if (membership === 'ban') throw new MatrixError('M_FORBIDDEN', 'the user is banned from the room');
  const { content } = events.get(stateName('m.room.join_rules', ''))?.event ?? {};
  const isPublic = isRecord(content) && content.join_rule === 'public';
  if (isPublic || membership === 'join' || membership === 'invite') return [];
  if (!localServerNames.includes(splitUserId(userId).serverName)) {
    throw new MatrixError('M_BAD_STATE', "the user is not in the room, and only the user's server can take an invite");
  }
  await refuseBlocked(transaction, room.roomId);
  return [{ type: 'm.room.member', sender: granter, stateKey: userId, content: { membership: 'invite' } }];
}
