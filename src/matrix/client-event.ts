import { isRecord } from '../json.ts';
import type { EventJson } from './room-version.ts';

/** An event in the form that clients are shown. */
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

/** What Synapse's admin API repeats beside `unsigned`, in the form that clients had before the specification's. */
const LIFTED = ['age', 'prev_content', 'redacted_because', 'replaces_state'];

/** A stored event for clients, with its age as Synapse's admin API tells it: in `unsigned`, and beside it. */
export function clientEventOf(
  event: EventJson,
  { eventId, roomId, now }: { readonly eventId: string; readonly roomId: string; readonly now: number },
): ClientEvent {
  const { type, sender, content, state_key: stateKey, origin_server_ts: sentAt, redacts } = event;
  const ts = typeof sentAt === 'number' ? sentAt : 0;
  const unsigned: Record<string, unknown> = { ...(isRecord(event.unsigned) && event.unsigned), age: now - ts };
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
