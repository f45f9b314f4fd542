import type { EventId, RoomId } from '../../ids.ts';
import type { Write } from '../write-together.ts';

/**
 * A redaction event, and its target: the event that it redacts. `validated` is `true` if the homeserver has the target and has
 * redacted it.
 */
export interface NotedRedaction {
  readonly redactionId: EventId;
  readonly targetId: EventId;
  readonly validated: boolean;
}

/**
 * Returns the statement that stores redactions and their targets. A redaction that is already stored stays as it is. Returns no
 * statement if there are no redactions.
 */
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
  /** JSON of the redacted event, in the form that the roomserver's tables store. */
  readonly roomserverJson: string;
  /** JSON of the redacted event, in the form that the tables of `/sync` store. */
  readonly syncJson: string;
}

/**
 * Returns the statements that overwrite the JSON of redacted events in all tables that store it. The statements also delete the
 * relations of these events to their parents, for example the relation of a reaction to the event to which it reacts. All
 * events must belong to the room, and each event may occur only once.
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
      // The only index of this table begins with the room id. So the condition contains the room id, although the event id
      // alone would be enough.
      sql: 'DELETE FROM public.syncapi_relations WHERE room_id = ? AND child_event_id = ANY(?)',
      bindings: [roomId, targetIds],
    },
  ];
}
