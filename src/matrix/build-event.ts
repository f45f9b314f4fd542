import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { type EventId, type RoomId, splitUserId, type UserId } from '../ids.ts';
import { contentHash, referenceHash, unpaddedBase64 } from './event-hash.ts';
import { eventIdOf, randomEventId } from './event-id.ts';
import { hasFittingSize, tooLongField } from './event-size.ts';
import { randomRoomId, roomIdOfCreate } from './room-id.ts';
import type { EventJson, RoomVersion } from './room-version.ts';
import { signEvent } from './sign-event.ts';

/** An event to which another event refers. */
export interface ReferredEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
}

/** An event that has not been hashed and signed yet. */
export interface EventDraft {
  /**
   * The room id. Since room version 12, create events have no room id, because servers derive the room id from the create
   * event.
   */
  readonly roomId?: RoomId;
  readonly sender: UserId;
  readonly type: string;
  /** The state key. Only state events have one. */
  readonly stateKey?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** Id of the event to redact. Only redactions have one. */
  readonly redacts?: EventId;
  /** When the event was created, in ms since the epoch. */
  readonly originServerTs: number;
  readonly depth: number;
  readonly authEvents: readonly ReferredEvent[];
  readonly prevEvents: readonly ReferredEvent[];
}

export interface BuiltEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
}

/** Returns the value of `auth_events` or `prev_events` in the format of the room version. */
export function referencesTo(referred: readonly ReferredEvent[], version: RoomVersion): unknown[] {
  if (version.eventIds !== 'random') return referred.map(({ eventId }) => eventId);
  return referred.map(({ eventId, event }) => [eventId, { sha256: unpaddedBase64(referenceHash(event, version)) }]);
}

/**
 * Builds an event in the format of its room version, with hash and signature.
 * @throws MatrixError `M_BAD_JSON` if the content cannot be written as canonical JSON; `M_TOO_LARGE` if the event is larger
 * than 65,536 bytes, or if its type, state key, sender, room id or event id is longer than 255 bytes
 */
export function buildEvent(draft: EventDraft, version: RoomVersion, key: SigningKey): BuiltEvent {
  const { roomId, sender, type, stateKey, content, redacts, originServerTs, depth, authEvents, prevEvents } = draft;
  const unhashed = {
    ...(version.eventIds === 'random' && { event_id: randomEventId(key.serverName) }),
    ...(roomId !== undefined && { room_id: roomId }),
    sender,
    type,
    // Dendrite writes an empty `prev_state` into state events.
    ...(stateKey !== undefined && { state_key: stateKey, prev_state: [] }),
    content,
    ...(redacts !== undefined && { redacts }),
    origin: key.serverName,
    origin_server_ts: originServerTs,
    depth,
    auth_events: referencesTo(authEvents, version),
    prev_events: referencesTo(prevEvents, version),
  };
  return finishEvent(unhashed, version, key);
}

/**
 * Adds hash and signature to an event that has all its other fields, and determines the event's id.
 * @throws MatrixError the errors of `buildEvent()`
 */
export function finishEvent(unhashed: EventJson, version: RoomVersion, key: SigningKey): BuiltEvent {
  const tooLong = tooLongField(unhashed);
  if (tooLong !== undefined) throw new MatrixError('M_TOO_LARGE', `${tooLong} is longer than 255 bytes`);
  const event = signEvent({ ...unhashed, hashes: { sha256: contentHash(unhashed) } }, version, key);
  if (!hasFittingSize(event)) throw new MatrixError('M_TOO_LARGE', 'event is too large');
  return { eventId: eventIdOf(event, version), event };
}

/**
 * Builds the create event of a new room, and determines the room id. Since room version 12, the room id is derived from the
 * event.
 * @throws MatrixError the errors of `buildEvent()`
 */
export function buildCreateEvent(
  draft: Pick<EventDraft, 'sender' | 'content' | 'originServerTs'>,
  version: RoomVersion,
  key: SigningKey,
): BuiltEvent & { readonly roomId: RoomId } {
  const { serverName } = splitUserId(draft.sender);
  const roomId = version.privilegedCreators ? undefined : randomRoomId(serverName);
  const built = buildEvent(
    {
      ...draft,
      ...(roomId !== undefined && { roomId }),
      content: version.creatorInContent ? { creator: draft.sender, ...draft.content } : draft.content,
      type: 'm.room.create',
      stateKey: '',
      depth: 1,
      authEvents: [],
      prevEvents: [],
    },
    version,
    key,
  );
  return { ...built, roomId: roomId ?? roomIdOfCreate(built.eventId) };
}
