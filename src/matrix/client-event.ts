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

/** Fields of `unsigned` that Synapse's admin API repeats at the top level, as in an older client format. */
const LIFTED = ['age', 'prev_content', 'redacted_because', 'replaces_state'];

/** Facts about an event that its JSON does not contain. */
interface Place {
  readonly eventId: string;
  readonly roomId: string;
  /** In ms since the epoch. */
  readonly now: number;
}

/** A stored event in client format. As in Synapse's admin API, its age is in `unsigned` and at the top level. */
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

/** The `unsigned` of an event. A redaction in it is in client format too. */
function unsignedOf({ unsigned }: EventJson, place: Omit<Place, 'eventId'>): EventJson {
  if (!isRecord(unsigned)) return {};
  const { redacted_because: redaction } = unsigned;
  if (!isRecord(redaction) || typeof redaction.event_id !== 'string') return unsigned;
  return { ...unsigned, redacted_because: clientEventOf(redaction, { ...place, eventId: redaction.event_id }) };
}
