import type { Knex } from 'knex';
import {
  addCounts,
  countsOf,
  type Deletion,
  deleteRows,
  nextKeyRange,
  type Position,
  type RowCounts,
} from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * SQL condition: the event belongs to the room, and its NID is in the range. A NID is the number that Dendrite gives an event.
 */
const OF_ROOM = 'event_nid > :after AND event_nid <= :upTo AND room_nid = :roomNid';

/**
 * SQL condition on a row of `roomserver_previous_events`, the table that stores for each event the events that follow it: the
 * row belongs to an event that the homeserver does not have, but that an event of the room follows. The condition looks for the
 * ids of missing events in the JSON of those events of the range that were not sent to clients. If a missing event is followed
 * by an event that was sent to clients, `deleteBackwardExtremities()` deletes the row.
 */
const IS_MISSING = `previous_event_id = ANY(ARRAY(
    SELECT DISTINCT found[1] FROM public.roomserver_events e JOIN public.roomserver_event_json j USING (event_nid),
      LATERAL regexp_matches(j.event_json, '"(\\$[^"\\\\]+)"', 'g') AS found
    WHERE ${OF_ROOM} AND NOT e.sent_to_output))
  AND EXISTS (SELECT FROM unnest(event_nids) AS nid JOIN public.roomserver_events e ON e.event_nid = nid
              WHERE e.room_nid = :roomNid)`;

const IDS = `(SELECT event_id FROM public.roomserver_events WHERE ${OF_ROOM})`;

/**
 * The deletions, in order: first the rows that refer to events, then the events. Each statement selects the ids of the events
 * again, because this costs less than returning the ids from an earlier statement.
 */
const DELETIONS: readonly (readonly [table: string, condition: string])[] = [
  ['public.roomserver_previous_events', IS_MISSING],
  ['public.roomserver_previous_events', `previous_event_id IN ${IDS}`],
  ['public.roomserver_redactions', `redaction_event_id IN ${IDS}`],
  ['public.roomserver_redactions', `redacts_event_id IN ${IDS}`],
  [
    'public.roomserver_event_json',
    `event_nid = ANY(ARRAY(SELECT event_nid FROM public.roomserver_events WHERE ${OF_ROOM}))`,
  ],
  ['public.roomserver_events', OF_ROOM],
];

/**
 * Deletes the events of a room whose NIDs are in the next range, and the rows of the tables in `DELETIONS` that refer to these
 * events. The range starts at the first existing NID after the position, and covers `width` values, whether or not events with
 * these NIDs exist. Dendrite has no index on the room, so the ranges cover the NIDs of all rooms.
 */
export async function deleteEventsOfRoom(
  transaction: Knex.Transaction,
  { roomNid }: RoomKeys,
  position: Position,
  width: number,
): Promise<Deletion> {
  const events = { table: 'public.roomserver_events', key: 'event_nid' };
  const { after, upTo, next } = await nextKeyRange(transaction, events, position, width);
  let deleted: RowCounts = {};
  for (const [table, condition] of DELETIONS) {
    deleted = addCounts(deleted, await deleteRows(transaction, table, condition, { roomNid, after, upTo }));
  }
  return { deleted, next };
}

/**
 * Deletes at most `limit` rows of `syncapi_backward_extremities` of a room. A backward extremity is an event whose previous
 * events are missing. Each row contains the id of one missing event. Also deletes the rows of `roomserver_previous_events` for
 * these missing events.
 */
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
