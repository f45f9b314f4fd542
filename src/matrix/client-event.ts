import { isRecord } from '../json.ts';
import type { EventJson } from './room-version.ts';

/** An event in the format of the Client-Server API. */
export interface ClientEvent {
  readonly type: string;
  readonly sender: string;
  readonly event_id: string;
  readonly room_id: string;
  readonly origin_server_ts: number;
  readonly content: Readonly<Record<string, unknown>>;
  readonly state_key?: string;
  readonly [more: string]: unknown;
}

/** Fields of `unsigned` that Synapse's admin API repeats outside `unsigned`, as an older format for clients did. */
const LIFTED = ['age', 'prev_content', 'redacted_because', 'replaces_state'];

/** What the conversion needs besides the event's JSON. */
interface Place {
  readonly eventId: string;
  readonly roomId: string;
  /** The current time, in ms since the epoch. */
  readonly now: number;
}

/**
 * Converts a stored event to the format of the Client-Server API. Adds the event's age. As in Synapse's admin API, the sender
 * is also in the field `user_id`, and the fields in `LIFTED` are both inside and outside `unsigned`.
 */
export function clientEventOf(event: EventJson, { eventId, roomId, now }: Place): ClientEvent {
  const { type, sender, content, state_key: stateKey, origin_server_ts: sentAt, redacts } = event;
  const ts = typeof sentAt === 'number' ? sentAt : 0;
  const unsigned: Record<string, unknown> = { ...unsignedOf(event, { roomId, now }), age: now - ts };
  return {
    type: String(type),
    sender: String(sender),
    user_id: sender,
    event_id: eventId,
    room_id: roomId,
    origin_server_ts: ts,
    content: isRecord(content) ? content : {},
    ...(typeof stateKey === 'string' && { state_key: stateKey }),
    ...(redacts !== undefined && { redacts }),
    ...Object.fromEntries(LIFTED.filter((key) => key in unsigned).map((key) => [key, unsigned[key]])),
    unsigned,
  };
}

/**
 * Returns the `unsigned` data of an event. If it contains the redaction of the event, converts the redaction to the format of
 * the Client-Server API too.
 */
function unsignedOf({ unsigned }: EventJson, place: Omit<Place, 'eventId'>): EventJson {
  if (!isRecord(unsigned)) return {};
  const { redacted_because: redaction } = unsigned;
  if (!isRecord(redaction) || typeof redaction.event_id !== 'string') return unsigned;
  return { ...unsigned, redacted_because: clientEventOf(redaction, { ...place, eventId: redaction.event_id }) };
}
