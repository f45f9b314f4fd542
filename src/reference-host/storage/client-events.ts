import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';

/** An event in the format of the Client-Server API, "Room event format". */
export type ClientEvent = Readonly<Record<string, unknown>> & { readonly event_id: EventId; readonly room_id: RoomId };

interface Row {
  event_id: EventId;
  room_id: RoomId;
  headered_event_json: string;
}

const FIELDS = ['type', 'sender', 'content', 'origin_server_ts', 'state_key', 'redacts', 'unsigned'];

const isRedacted = ({ unsigned }: Readonly<Record<string, unknown>>): boolean =>
  isRecord(unsigned) && unsigned.redacted_because !== undefined;

/** Events by id. Leaves out events that are missing, redacted or in other rooms. */
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
    const fields = FIELDS.filter((field) => event[field] !== undefined).map((field) => [field, event[field]]);
    const ids = { event_id: row.event_id, room_id: row.room_id };
    return [row.event_id, { ...Object.fromEntries(fields), ...ids }, isRedacted(event)];
  });
  return new Map(events.flatMap(([id, event, redacted]) => (redacted ? [] : [[id, event]])));
}
