import type { Knex } from 'knex';
import { countsOf, type Deletion, nextKeyRange, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * A step through the events, `width` NIDs wide: deletes those of the room, with all that refers to them. There is no index
 * on the room, so the NIDs are walked through.
 */
export async function deleteEventsOfRoom(
  transaction: Knex.Transaction,
  { roomNid }: RoomKeys,
  position: Position,
  width: number,
): Promise<Deletion> {
  const table = { table: 'public.roomserver_events', key: 'event_nid' };
  const { after, upTo, next } = await nextKeyRange(transaction, table, position, width);
  const deleted = await countsOf(
    transaction.raw(
      `WITH events AS (
         DELETE FROM public.roomserver_events
         WHERE event_nid > :after AND event_nid <= :upTo AND room_nid = :roomNid
         RETURNING event_nid, event_id, sent_to_output),
       json AS (
         DELETE FROM public.roomserver_event_json WHERE event_nid = ANY(ARRAY(SELECT event_nid FROM events)) RETURNING 1),
       previous AS (
         DELETE FROM public.roomserver_previous_events
         WHERE previous_event_id IN (SELECT event_id FROM events) RETURNING 1),
       -- Previous events that the homeserver does not have are rows of previous_events too. Those of events that were sent
       -- to clients are backward extremities; the others are only named in the events.
       named AS (
         SELECT DISTINCT found[1] AS event_id FROM public.roomserver_event_json j,
           LATERAL regexp_matches(j.event_json, '"(\\$[^"\\\\]+)"', 'g') AS found
         WHERE j.event_nid = ANY(ARRAY(SELECT event_nid FROM events WHERE NOT sent_to_output))),
       missing AS (
         DELETE FROM public.roomserver_previous_events p
         WHERE p.previous_event_id = ANY(ARRAY(SELECT event_id FROM named EXCEPT SELECT event_id FROM events))
           AND EXISTS (SELECT FROM unnest(p.event_nids) AS nid JOIN public.roomserver_events e ON e.event_nid = nid
                       WHERE e.room_nid = :roomNid)
         RETURNING 1),
       redacting AS (
         DELETE FROM public.roomserver_redactions
         WHERE redaction_event_id IN (SELECT event_id FROM events) RETURNING redaction_event_id),
       redacted AS (
         DELETE FROM public.roomserver_redactions
         WHERE redacts_event_id IN (SELECT event_id FROM events) RETURNING redaction_event_id)
       SELECT (SELECT count(*) FROM events) AS roomserver_events, (SELECT count(*) FROM json) AS roomserver_event_json,
         (SELECT count(*) FROM previous) + (SELECT count(*) FROM missing) AS roomserver_previous_events,
         (SELECT count(*) FROM (TABLE redacting UNION TABLE redacted) AS r) AS roomserver_redactions`,
      { roomNid, after, upTo },
    ),
  );
  return { deleted, next };
}

/** A step through the backward extremities: deletes at most `limit`, with what the roomserver noted of them. */
export async function deleteBackwardExtremities(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  limit: number,
): Promise<Deletion> {
  const deleted = await countsOf(
    transaction.raw(
      `WITH extremities AS (
         DELETE FROM public.syncapi_backward_extremities WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM public.syncapi_backward_extremities WHERE room_id = :roomId LIMIT :limit))
         RETURNING prev_event_id),
       previous AS (
         DELETE FROM public.roomserver_previous_events
         WHERE previous_event_id = ANY(ARRAY(SELECT prev_event_id FROM extremities)) RETURNING 1)
       SELECT (SELECT count(*) FROM extremities) AS syncapi_backward_extremities,
         (SELECT count(*) FROM previous) AS roomserver_previous_events`,
      { roomId, limit },
    ),
  );
  return { deleted, next: (deleted.syncapi_backward_extremities ?? 0) >= limit ? [] : undefined };
}
