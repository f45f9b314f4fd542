import { MatrixError } from '../errors.ts';
import { type EventId, isEventId, isUserId, type RoomId, splitUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import type { AuthState, JudgedEvent } from './auth-state.ts';
import { authorise } from './authorise.ts';
import { contentHash } from './event-hash.ts';
import { eventIdOf } from './event-id.ts';
import { redact } from './redact.ts';
import { roomIdOfCreate } from './room-id.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** An event of another server that is well-formed, with what is asked of it most. */
export interface CheckedEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
  readonly type: string;
  readonly sender: UserId;
  readonly stateKey: string | undefined;
  readonly content: EventJson;
  readonly depth: number;
  readonly authEventIds: readonly EventId[];
  readonly prevEventIds: readonly EventId[];
}

/** Ids that an event refers to, as its room version spells them. */
function referencesOf(references: unknown): EventId[] | undefined {
  if (!Array.isArray(references)) return undefined;
  const ids = references.map((reference: unknown) =>
    Array.isArray(reference) ? (reference[0] as unknown) : reference,
  );
  const valid = ids.filter((id): id is EventId => typeof id === 'string' && isEventId(id));
  return valid.length === ids.length ? valid : undefined;
}

/**
 * Checks the form and the content hash of another server's event; `undefined` for what is no event of the room. One with a
 * wrong hash is redacted, as the specification demands. Server-Server API, "Checks performed on receipt of a PDU", 1 and 3.
 */
export function checkEvent(received: EventJson, roomId: RoomId, version: RoomVersion): CheckedEvent | undefined {
  const { type, sender, state_key: stateKey, content, depth, hashes } = received;
  const authEventIds = referencesOf(received.auth_events);
  const prevEventIds = referencesOf(received.prev_events);
  const isFormed =
    typeof type === 'string' &&
    typeof sender === 'string' &&
    isUserId(sender) &&
    (stateKey === undefined || typeof stateKey === 'string') &&
    isRecord(content) &&
    isRecord(hashes) &&
    typeof depth === 'number' &&
    Number.isSafeInteger(depth);
  if (!isFormed || authEventIds === undefined || prevEventIds === undefined) return undefined;
  try {
    const { unsigned: _unsigned, ...signed } = received;
    const event = hashes.sha256 === contentHash(received) ? signed : redact(signed, version);
    const eventId = eventIdOf(event, version);
    const implied = version.privilegedCreators && type === 'm.room.create' ? roomIdOfCreate(eventId) : event.room_id;
    if (implied !== roomId || !isRecord(event.content)) return undefined;
    return { eventId, event, type, sender, stateKey, content: event.content, depth, authEventIds, prevEventIds };
  } catch (error) {
    // No canonical JSON, so no event.
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

/** Servers that must have signed an event: its sender's, and that of its id in the room versions that have one in it. */
export function signersOf({ sender, eventId }: CheckedEvent, version: RoomVersion): string[] {
  const own = splitUserId(sender).serverName;
  return version.eventIds === 'random' ? [...new Set([own, eventId.slice(eventId.indexOf(':') + 1)])] : [own];
}

/** Judges an event by its own auth events; see `authorise()`. */
export function authoriseByAuthEvents(
  checked: CheckedEvent,
  find: (eventId: EventId) => CheckedEvent | undefined,
  create: CheckedEvent | undefined,
  version: RoomVersion,
): string | undefined {
  const referred = checked.authEventIds.map(find);
  if (referred.includes(undefined)) return 'an auth event is not known';
  const state = [...referred, ...(version.privilegedCreators ? [create] : [])].filter((event) => event !== undefined);
  const lookUp: AuthState = (type, stateKey) =>
    state.find((event) => event.type === type && event.stateKey === stateKey)?.event;
  const [previous] = checked.prevEventIds;
  const followsCreate =
    checked.prevEventIds.length === 1 && previous !== undefined && find(previous)?.type === 'm.room.create';
  const { redacts } = checked.event;
  const judged: JudgedEvent = {
    type: checked.type,
    sender: checked.sender,
    stateKey: checked.stateKey,
    content: checked.content,
    redacts: typeof redacts === 'string' ? redacts : undefined,
    follows: checked.prevEventIds.length === 0 ? 'nothing' : followsCreate ? 'create' : 'events',
  };
  return authorise(judged, lookUp, version);
}
