import { isUserId, splitUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { type AuthState, type JudgedEvent, membershipOf } from './auth-state.ts';
import { authoriseMembership } from './authorise-membership.ts';
import { authorisePowerLevels } from './authorise-power-levels.ts';
import { type PowerState, powerLevelOf, requiredLevel, requiredLevelToSend } from './power-levels.ts';
import { type EventJson, isRoomVersion, type RoomVersion } from './room-version.ts';

/**
 * Checks an event by the authorisation rules of its room version. Source: Matrix specification, "Room Versions", "Authorization
 * rules". The caller must check that the event is well-formed and signed, and that it refers to the right auth events. For a
 * restricted join, the caller must check that the server that allows the join has signed it.
 * @returns `undefined` if the event is allowed, else the reason why it is not
 */
export function authorise(event: JudgedEvent, state: AuthState, version: RoomVersion): string | undefined {
  if (event.type === 'm.room.create') return authoriseCreate(event, version);
  const create = state('m.room.create', '');
  if (create === undefined) return 'the room has no create event';
  if (!mayFederate(create, event.sender)) return 'the room does not accept users of other servers';
  if (event.type === 'm.room.aliases' && version.aliasRules) {
    const own = splitUserId(event.sender).serverName;
    return event.stateKey === own ? undefined : 'the aliases belong to another server';
  }
  const power: PowerState = { create, powerLevels: state('m.room.power_levels', '') };
  if (event.type === 'm.room.member') return authoriseMembership(event, state, power, version);
  if (membershipOf(state('m.room.member', event.sender)) !== 'join') return 'the sender is not in the room';
  return authoriseByLevel(event, power, version);
}

function authoriseByLevel(event: JudgedEvent, power: PowerState, version: RoomVersion): string | undefined {
  const { type, sender, stateKey } = event;
  const level = powerLevelOf(power, version, sender);
  if (type === 'm.room.third_party_invite') {
    return level >= requiredLevel(power, version, 'invite') ? undefined : `the power level is too low to invite`;
  }
  if (level < requiredLevelToSend(power, version, { type, isState: stateKey !== undefined })) {
    return `the power level is too low to send ${type}`;
  }
  if (stateKey?.startsWith('@') && stateKey !== sender) return 'the state key names another user';
  if (type === 'm.room.power_levels') return authorisePowerLevels(event, power, version);
  if (type === 'm.room.redaction' && version.redactionRules) return authoriseRedaction(event, power, version);
  return undefined;
}

function authoriseCreate(event: JudgedEvent, version: RoomVersion): string | undefined {
  const { sender, roomId, content, follows } = event;
  if (follows !== 'nothing') return 'the create event has events before it';
  const ownServer = version.privilegedCreators ? undefined : splitUserId(sender).serverName;
  if (serverOf(roomId) !== ownServer) return 'the room id belongs to another server';
  if (content.room_version !== undefined && !isRoomVersion(content.room_version)) return 'the room version is unknown';
  if (version.creatorInContent && content.creator === undefined) return 'the create event names no creator';
  const { additional_creators: others } = content;
  if (version.privilegedCreators && others !== undefined) {
    const areUsers = Array.isArray(others) && others.every((id) => typeof id === 'string' && isUserId(id));
    if (!areUsers) return 'the additional creators are not a list of user ids';
  }
  return undefined;
}

/**
 * Returns the part of an id after the first colon, or the whole id if it has no colon. Returns `undefined` if `id` is
 * `undefined`.
 */
function serverOf(id: string | undefined): string | undefined {
  return id?.slice(id.indexOf(':') + 1);
}

function mayFederate(create: EventJson, sender: UserId): boolean {
  const federates = !isRecord(create.content) || create.content['m.federate'] !== false;
  if (federates) return true;
  return typeof create.sender === 'string' && splitUserId(create.sender).serverName === splitUserId(sender).serverName;
}

function authoriseRedaction(
  { sender, redacts }: JudgedEvent,
  power: PowerState,
  version: RoomVersion,
): string | undefined {
  if (powerLevelOf(power, version, sender) >= requiredLevel(power, version, 'redact')) return undefined;
  return serverOf(redacts) === splitUserId(sender).serverName
    ? undefined
    : 'the power level is too low to redact events of other servers';
}
