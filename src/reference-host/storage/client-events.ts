import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';

/** An event in the format of the Client-Server API. Source: Client-Server API, "Room event format". */
export type ClientEvent = Readonly<Record<string, unknown>> & { readonly event_id: EventId; readonly room_id: RoomId };

interface Row {
  event_id: EventId;
  room_id: RoomId;
  headered_event_json: string;
}

const FIELDS = ['type', 'sender', 'content', 'origin_server_ts', 'state_key', 'redacts', 'unsigned'];

const isRedacted = ({ unsigned }: Readonly<Record<string, unknown>>): boolean =>
  isRecord(unsigned) && unsigned.redacted_because !== undefined;

/** Converts a stored event to the format of the Client-Server API. */
export function clientEventOf(
  event: Readonly<Record<string, unknown>>,
  { eventId, roomId }: { readonly eventId: EventId; readonly roomId: RoomId },
): ClientEvent {
  const fields = FIELDS.filter((field) => event[field] !== undefined).map((field) => [field, event[field]]);
  return { ...Object.fromEntries(fields), event_id: eventId, room_id: roomId };
}

/**
 * Reads events by their ids, in the format of the Client-Server API. Leaves out events that are missing, are redacted, or are
 * not in one of `rooms`.
 */
export async function readClientEvents(
  db: Knex,
  eventIds: readonly EventId[],
  rooms: readonly RoomId[],
): Promise<Map<EventId, ClientEvent>> {
  const rows: Row[] = await db('public.syncapi_output_room_events')
    .whereIn('event_id', [...eventIds])
    .whereIn('room_id', [...rooms])
    .select('event_id', 'room_id', 'headered_event_json');
  const events = rows.map((row): [EventId, ClientEvent, boolean] => {
    const event: Record<string, unknown> = JSON.parse(row.headered_event_json);
    return [row.event_id, clientEventOf(event, { eventId: row.event_id, roomId: row.room_id }), isRedacted(event)];
  });
  return new Map(events.flatMap(([id, event, redacted]) => (redacted ? [] : [[id, event]])));
}

/**
 * Reads the history visibility that the room had at each event, as the number that Dendrite stores. Leaves out events that are
 * not in the timeline of the room.
 */
export async function readVisibilities(db: Knex, eventIds: readonly EventId[]): Promise<Map<EventId, number>> {
  const rows: { event_id: EventId; history_visibility: number }[] = await db('public.syncapi_output_room_events')
    .whereIn('event_id', [...eventIds])
    .select('event_id', 'history_visibility');
  return new Map(rows.map((row) => [row.event_id, row.history_visibility]));
}
