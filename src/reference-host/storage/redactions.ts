import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { redact } from '../../matrix/redact.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { headeredJson } from './room-events.ts';
import { type LockedRoom, readEvent, type StoredRoomEvent } from './rooms.ts';

/** Overwrites a redacted event wherever it is stored, with the redaction as the reason. The redaction is stored already. */
export async function applyRedaction(
  transaction: Knex.Transaction,
  room: LockedRoom,
  target: StoredRoomEvent,
  redactionId: EventId,
): Promise<void> {
  await transaction('public.roomserver_redactions').insert({
    redaction_event_id: redactionId,
    redacts_event_id: target.eventId,
    validated: true,
  });
  const redaction = await readEvent(transaction, room, redactionId);
  if (redaction === undefined) throw new Error('the redaction has not been stored');
  const redacted = redact(target.event, room.version);
  const withReason = (because: unknown): EventJson => ({
    ...redacted,
    unsigned: { redacted_because: because, redacted_by: redactionId },
  });

  // The two components of Dendrite spell `redacted_because` each in its own way.
  const forRoomserver = withReason({ EventNID: redaction.eventNid, PDU: redaction.event, Rejected: false });
  await transaction('public.roomserver_event_json')
    .where('event_nid', target.eventNid)
    .update({ event_json: JSON.stringify(forRoomserver) });
  const forSync = headeredJson(withReason(clientFormat(redaction)), target.eventId, room);
  for (const table of ['public.syncapi_output_room_events', 'public.syncapi_current_room_state']) {
    await transaction(table).where('event_id', target.eventId).update({ headered_event_json: forSync });
  }
  await transaction('public.syncapi_relations')
    .where({ room_id: room.roomId, child_event_id: target.eventId })
    .delete();
}

function clientFormat({ eventId, event }: StoredRoomEvent): EventJson {
  const { content, origin_server_ts, redacts, sender, type } = event;
  return { content, event_id: eventId, origin_server_ts, redacts, sender, type };
}
