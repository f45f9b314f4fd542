import type { EventId, RoomId } from '../../ids.ts';
import type { Write } from '../write-together.ts';

/** A redaction. `validated` means that the homeserver has the target of the redaction, and has redacted the target. */
export interface NotedRedaction {
  readonly redactionId: EventId;
  readonly targetId: EventId;
  readonly validated: boolean;
}

/** Returns the statements that store which event each redaction redacts. */
export function insertRedactions(redactions: readonly NotedRedaction[]): Write[] {
  if (redactions.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_redactions (redaction_event_id, redacts_event_id, validated)
            SELECT * FROM unnest(?::text[], ?::text[], ?::boolean[]) ON CONFLICT DO NOTHING`,
      bindings: [
        redactions.map(({ redactionId }) => redactionId),
        redactions.map(({ targetId }) => targetId),
        redactions.map(({ validated }) => validated),
      ],
    },
  ];
}

/** The target of a redaction, after its content has been removed. */
export interface RedactedEvent {
  readonly targetId: EventId;
  readonly targetNid: number;
  /** JSON of the redacted event, in the form that the roomserver stores and in the form that the sync API stores. */
  readonly roomserverJson: string;
  readonly syncJson: string;
}

/**
 * Returns the statements that overwrite redacted events of a room in all tables that store them. The list must not contain an
 * event twice.
 */
export function applyRedactions(roomId: RoomId, events: readonly RedactedEvent[]): Write[] {
  if (events.length === 0) return [];
  const targetIds = events.map(({ targetId }) => targetId);
  const syncJsons = events.map(({ syncJson }) => syncJson);
  return [
    {
      sql: `UPDATE public.roomserver_event_json j SET event_json = r.json
            FROM unnest(?::bigint[], ?::text[]) AS r(nid, json) WHERE j.event_nid = r.nid`,
      bindings: [events.map(({ targetNid }) => targetNid), events.map(({ roomserverJson }) => roomserverJson)],
    },
    ...['syncapi_output_room_events', 'syncapi_current_room_state'].map((table) => ({
      sql: `UPDATE public.${table} e SET headered_event_json = r.json
            FROM unnest(?::text[], ?::text[]) AS r(id, json) WHERE e.event_id = r.id`,
      bindings: [targetIds, syncJsons],
    })),
    {
      // The only index of this table begins with the room id, so the condition names the room too.
      sql: 'DELETE FROM public.syncapi_relations WHERE room_id = ? AND child_event_id = ANY(?)',
      bindings: [roomId, targetIds],
    },
  ];
}
