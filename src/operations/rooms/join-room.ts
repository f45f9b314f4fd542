import type { Knex } from 'knex';
import { MatrixError, ParameterError } from '../../errors.ts';
import { isRoomId, type RoomId, splitUserId, type UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { stateName } from '../../matrix/auth-events.ts';
import { membershipOf } from '../../matrix/auth-state.ts';
import { requiredLevel } from '../../matrix/power-levels.ts';
import type { RoomEventDraft } from '../../rooms/event-chain.ts';
import { findSender, type Governance, readGovernance } from '../../rooms/governance.ts';
import { joinOf } from '../../rooms/join-draft.ts';
import { requireRoom } from '../../rooms/room-writer.ts';
import { findBlockedRoom } from '../../storage/plugin/blocked-rooms.ts';
import { findRoomOfUser } from '../../storage/roomserver/membership.ts';
import type { StoredRoom } from '../../storage/roomserver/rooms.ts';
import { findProfile } from '../../storage/userapi/profiles.ts';
import { defineOperation, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLocal, requireLockedAccount } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { appendAll } from './append-all.ts';
import { resolveRoomId, roomIdOrAliasInput } from './room-id-input.ts';

const ONLY_LOCAL = 'This endpoint can only be used with local users';

/**
 * Checks that a room is not blocked.
 * @throws MatrixError `M_FORBIDDEN` if the room is blocked
 */
export async function refuseBlocked(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  if ((await findBlockedRoom(transaction, roomId)) === undefined) return;
  throw new MatrixError('M_FORBIDDEN', 'This room is blocked on this server');
}

/**
 * Makes a local user join a room that has local members. If the user needs an invite, the administrator invites the user, or
 * else the local member with the most power does. If the user may join as a member of another room, this inviter authorises the
 * join instead, if both have the same server name. Does nothing if the user is already in the room. Synapse's route is `POST
 * /_synapse/admin/v1/join/{roomIdOrAlias}`. In Synapse, only the administrator can invite the user.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room or user
 * @throws MatrixError `M_FORBIDDEN` if the room is blocked, or if no local user may invite the user
 * @throws MatrixError `M_BAD_STATE` if the room is being purged
 * @throws MatrixError 409 `M_BAD_STATE` if others keep adding events to the room during the call
 */
export const joinRoom = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room, or a local alias of the room. */
    roomId: roomIdOrAliasInput,
    /** The local user who joins. */
    userId: userIdInput,
  }),
  resolve: resolveRoomId,
  target: ({ roomId }) => roomId,
  run: async (scope, { roomId, userId }): Promise<{ roomId: RoomId }> => {
    const { transaction, roomWriter } = scope;
    requireLocal(scope, userId, ONLY_LOCAL);
    const room = await requireRoom(transaction, roomId);
    await refuseBlocked(transaction, roomId);
    await refuseLeft(scope, room);
    const { isDeactivated } = await requireLockedAccount(scope, userId, ONLY_LOCAL);
    if (isDeactivated) throw new ParameterError(['userId'], 'the account is deactivated');
    const { events } = await roomWriter.states.load(transaction, room.stateSnapshotNid, [
      ['m.room.join_rules', ''],
      ['m.room.member', userId],
    ]);
    const membership = membershipOf(events.get(stateName('m.room.member', userId))?.event);
    if (membership === 'join') return { roomId };
    const { content } = events.get(stateName('m.room.join_rules', ''))?.event ?? {};
    const rules = isRecord(content) ? content : {};
    const join = joinOf(userId, await findProfile(transaction, userId));
    const isOpen = membership === 'invite' || rules.join_rule === 'public';
    await appendAll(scope, roomId, isOpen ? [join] : await admitted(scope, room, join, rules));
    return { roomId };
  },
});

/**
 * Refuses a room whose members are all remote, because the state that the homeserver knows of such a room may be outdated.
 * Accepts a room without members.
 * @throws MatrixError `M_NOT_FOUND` if all members are remote
 */
async function refuseLeft({ transaction, roomWriter, localServerNames }: WriteScope, room: StoredRoom): Promise<void> {
  const joined = await roomWriter.states.servers.count(transaction, room.roomId, room.stateSnapshotNid);
  const present = [...joined].filter(([, users]) => users > 0).map(([serverName]) => serverName);
  if (present.length === 0 || present.some((serverName) => localServerNames.includes(serverName))) return;
  throw new MatrixError('M_NOT_FOUND', 'no local user is in the room, so only the user can join it, with a client');
}

/**
 * Returns the events that let a user join a room that is not public: a join that a local member authorises, or an invite and a
 * join.
 * @throws MatrixError `M_FORBIDDEN` if no local user may invite
 */
async function admitted(
  { transaction, roomWriter, actor, localServerNames }: WriteScope,
  room: StoredRoom,
  join: RoomEventDraft,
  rules: Readonly<Record<string, unknown>>,
): Promise<readonly RoomEventDraft[]> {
  const userId = join.sender;
  const governance = await readGovernance(roomWriter.states, transaction, room);
  const inviter = await findSender(transaction, room, governance, {
    serverNames: localServerNames,
    level: requiredLevel(governance.power, governance.version, 'invite'),
    preferred: actor.kind === 'user' ? actor.userId : undefined,
  });
  if (inviter === undefined) throw new MatrixError('M_FORBIDDEN', 'no local user may invite to the room');
  // If the inviter authorises a join, the inviter's server must sign it too. The plugin signs a join only for the server name
  // of the joining user. So the inviter can authorise the join only if both have the same server name. Users of a virtual host
  // have another server name.
  const mayAuthorise = splitUserId(inviter).serverName === splitUserId(userId).serverName;
  if (
    mayAuthorise &&
    isRestricted(rules.join_rule, governance) &&
    (await isAllowed(transaction, userId, rules.allow))
  ) {
    return [{ ...join, content: { ...join.content, join_authorised_via_users_server: inviter } }];
  }
  const invite = { ...join, sender: inviter, content: { ...join.content, membership: 'invite' } };
  return [invite, join];
}

function isRestricted(rule: unknown, { version }: Governance): boolean {
  return (
    (rule === 'restricted' && version.restrictedJoins) || (rule === 'knock_restricted' && version.knockRestrictedJoins)
  );
}

/**
 * Tells whether the user is in one of the rooms in the `allow` list of the join rule. Source: Client-Server API, "Restricted
 * rooms".
 */
async function isAllowed(transaction: Knex.Transaction, userId: UserId, allow: unknown): Promise<boolean> {
  for (const entry of Array.isArray(allow) ? (allow as unknown[]) : []) {
    if (!isRecord(entry) || entry.type !== 'm.room_membership') continue;
    const { room_id: roomId } = entry;
    if (typeof roomId !== 'string' || !isRoomId(roomId)) continue;
    if ((await findRoomOfUser(transaction, userId, roomId))?.membership === 'join') return true;
  }
  return false;
}
