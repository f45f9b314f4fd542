import { findProfiles, joinOf, publishRoom } from '../../homeserver/index.ts';
import { MatrixError, type OwnErrorCode, type RoomEventDraft, type RoomId, type UserId } from '../../index.ts';
import { isRoomAlias, type RoomAlias, splitUserId } from '../../matrix/index.ts';
import { announce } from '../announce.ts';
import type { HostContext } from '../host-context.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { insertAlias } from '../storage/room-aliases.ts';
import { changesOf, requireAll } from './append-events.ts';
import { type NewRoomRequest, newRoomOf } from './new-room.ts';
import { requireReachable } from './require-reachable.ts';

/**
 * Creates a room for a user, and returns its id. If the request says so, also creates an alias, and publishes the room in the
 * room directory. Invites nobody if the user is shadow-banned. Source: Client-Server API, "Creation".
 * @throws MatrixError `M_USER_SUSPENDED` if the user is suspended; `M_INVALID_PARAM` if the name of the alias is not valid;
 * `M_ROOM_IN_USE` if the alias is taken; `M_UNKNOWN` if the room version is unknown; `M_NOT_FOUND` if an invited local user
 * does not exist; `M_FORBIDDEN` if a user of another server is invited, or if the room does not allow one of the events
 */
export async function createRoom(context: HostContext, creator: UserId, request: NewRoomRequest): Promise<RoomId> {
  const { db, admin } = context;
  await requireNotSuspended(context, creator);
  const alias = aliasOf(request, creator);
  const { shadowBanned } = await admin.accounts.check(creator);
  const invited = shadowBanned ? [] : (request.invite ?? []);
  for (const userId of invited) await requireReachable(context, userId, undefined);
  const profiles = await findProfiles(db, [creator, ...invited]);
  const direct = request.is_direct === true ? { is_direct: true } : {};
  const inviteOf = (userId: UserId): RoomEventDraft => {
    const { content, ...draft } = joinOf(userId, profiles.get(userId));
    return { ...draft, sender: creator, content: { ...content, membership: 'invite', ...direct } };
  };
  const room = newRoomOf(request, {
    join: joinOf(creator, profiles.get(creator)),
    invites: invited.map(inviteOf),
    alias,
  });
  const appended = await db.transaction(async (transaction) => {
    const created = requireAll(await admin.rooms.create(transaction, room));
    const { roomId } = created;
    if (alias !== undefined && !(await insertAlias(transaction, alias, { roomId, creator }))) throw aliasInUse();
    if (request.visibility === 'public') await publishRoom(transaction, roomId);
    return created;
  });
  await announce(context, changesOf(appended));
  return appended.roomId;
}

function aliasOf({ room_alias_name: name }: NewRoomRequest, creator: UserId): RoomAlias | undefined {
  if (name === undefined) return undefined;
  const alias = `#${name}:${splitUserId(creator).serverName}`;
  if (!isRoomAlias(alias) || name.includes(':')) throw new MatrixError('M_INVALID_PARAM', 'not a name of a room alias');
  return alias;
}

const aliasInUse = (): MatrixError =>
  new MatrixError('M_ROOM_IN_USE' as OwnErrorCode, 'Room alias already taken', { status: 400 });
