import { MatrixError } from '../errors.ts';
import { type EventId, isEventId, isUserId, type RoomId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { authEventKeys, stateName } from './auth-events.ts';
import type { AuthState, JudgedEvent } from './auth-state.ts';
import { authorise } from './authorise.ts';
import { contentHash } from './event-hash.ts';
import { eventIdOf } from './event-id.ts';
import { hasFittingSize } from './event-size.ts';
import { redact } from './redact.ts';
import { roomIdOfCreate } from './room-id.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** A well-formed event: its JSON in `event`, and its most used fields. */
export interface CheckedEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
  readonly type: string;
  readonly sender: UserId;
  readonly stateKey: string | undefined;
  readonly content: EventJson;
  readonly depth: number;
  /** When the sender's server created the event, in ms since the epoch. */
  readonly originServerTs: number;
  readonly authEventIds: readonly EventId[];
  readonly prevEventIds: readonly EventId[];
}

const isInteger = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value);

/** Returns the event ids in `auth_events` or `prev_events`. Returns `undefined` if the value is malformed. */
function referencesOf(references: unknown): EventId[] | undefined {
  if (!Array.isArray(references)) return undefined;
  const ids = references.map((reference: unknown) =>
    Array.isArray(reference) ? (reference[0] as unknown) : reference,
  );
  const valid = ids.filter((id): id is EventId => typeof id === 'string' && isEventId(id));
  return valid.length === ids.length ? valid : undefined;
}

/**
 * Checks the form and the content hash of an event from another server. Source: Server-Server API, "Checks performed on receipt
 * of a PDU", checks 1 and 3.
 * @returns the event without `unsigned`, and redacted if its hash is wrong; `undefined` if the event is malformed, too large or
 * of another room
 */
export function checkEvent(received: EventJson, roomId: RoomId, version: RoomVersion): CheckedEvent | undefined {
  const { type, sender, state_key: stateKey, content, depth, origin_server_ts: originServerTs, hashes } = received;
  const authEventIds = referencesOf(received.auth_events);
  const prevEventIds = referencesOf(received.prev_events);
  const isFormed =
    typeof type === 'string' &&
    typeof sender === 'string' &&
    isUserId(sender) &&
    (stateKey === undefined || typeof stateKey === 'string') &&
    isRecord(content) &&
    isRecord(hashes) &&
    isInteger(depth) &&
    isInteger(originServerTs);
  if (!isFormed || authEventIds === undefined || prevEventIds === undefined) return undefined;
  try {
    const { unsigned: _unsigned, ...signed } = received;
    const event = hashes.sha256 === contentHash(received) ? signed : redact(signed, version);
    const eventId = eventIdOf(event, version);
    const isFirst = version.privilegedCreators && type === 'm.room.create';
    const implied = isFirst && event.room_id === undefined ? roomIdOfCreate(eventId) : event.room_id;
    if (implied !== roomId || !isRecord(event.content) || !hasFittingSize(event)) return undefined;
    const fields = { type, sender, stateKey, content: event.content, depth, originServerTs };
    return { eventId, event, ...fields, authEventIds, prevEventIds };
  } catch (error) {
    // An event that cannot be written as canonical JSON is invalid.
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

/**
 * Returns the servers that must have signed an event: the sender's server (unless the event is a third-party invite), the
 * server in the event id (in room versions whose event ids contain a server), and the server of the user who authorises a
 * restricted join. Source: Server-Server API, "Validating hashes and signatures on received events".
 */
export function signersOf({ type, sender, content, eventId }: CheckedEvent, version: RoomVersion): string[] {
  const { membership, third_party_invite: thirdParty, join_authorised_via_users_server: authoriser } = content;
  const isMember = type === 'm.room.member';
  const isThirdPartyInvite = isMember && membership === 'invite' && thirdParty !== undefined;
  // The specification requires the signature of the authorising server on all member events that name an authorising user. But
  // servers check this signature on joins only.
  const isRestrictedJoin = isMember && version.restrictedJoins && membership === 'join';
  const ids = [
    ...(isThirdPartyInvite ? [] : [sender]),
    ...(version.eventIds === 'random' ? [eventId] : []),
    ...(isRestrictedJoin && typeof authoriser === 'string' ? [authoriser] : []),
  ];
  return [...new Set(ids.map((id) => id.slice(id.indexOf(':') + 1)))];
}

/**
 * Returns an event in the form that `authorise()` takes.
 * @param find looks up a previous event, to find out whether the create event is the only previous event
 */
export function judgedAs(checked: CheckedEvent, find: (eventId: EventId) => CheckedEvent | undefined): JudgedEvent {
  const { type, sender, stateKey, content, prevEventIds } = checked;
  const { redacts, room_id: roomId } = checked.event;
  const [previous] = prevEventIds;
  const isFirst = prevEventIds.length === 1 && previous !== undefined && find(previous)?.type === 'm.room.create';
  return {
    type,
    sender,
    stateKey,
    content,
    roomId: typeof roomId === 'string' ? roomId : undefined,
    redacts: typeof redacts === 'string' ? redacts : undefined,
    follows: previous === undefined ? 'nothing' : isFirst ? 'create' : 'events',
  };
}

/**
 * Applies the authorisation rules to an event, with the event's own auth events as the state. Also refuses the event if `find`
 * does not know one of its auth events, if two of them have the same type and state key, or if the room version does not allow
 * one of them for the event.
 * @param create the create event, which events do not list as an auth event since room version 12
 * @returns `undefined` if the event is allowed, else the reason why it is not
 */
export function authoriseByAuthEvents(
  checked: CheckedEvent,
  find: (eventId: EventId) => CheckedEvent | undefined,
  create: CheckedEvent | undefined,
  version: RoomVersion,
): string | undefined {
  const referred = checked.authEventIds.map(find).filter((event) => event !== undefined);
  if (referred.length < checked.authEventIds.length) return 'an auth event is unknown';
  const names = referred.map(({ type, stateKey }) => (stateKey === undefined ? '' : stateName(type, stateKey)));
  if (new Set(names).size < names.length) return 'two auth events have the same type and state key';
  const selected = authEventKeys(checked, version).map((key) => stateName(...key));
  if (!names.every((name) => selected.includes(name))) return 'an auth event is not among those that the event needs';
  const state = version.privilegedCreators && create !== undefined ? [...referred, create] : referred;
  const lookUp: AuthState = (type, stateKey) =>
    state.find((event) => event.type === type && event.stateKey === stateKey)?.event;
  return authorise(judgedAs(checked, find), lookUp, version);
}
