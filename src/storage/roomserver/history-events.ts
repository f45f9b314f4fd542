import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { addCounts, countsOf, deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * Lists the NIDs of the events that a room needs: its forward extremities (the events that no other event follows yet), and the
 * event that was last sent to clients. A NID is the number that Dendrite gives an event.
 */
export async function listLastEvents(db: Db, roomNid: number): Promise<number[]> {
  const rows = await rowsOf<{ nid: string }>(
    db.raw(
      `SELECT DISTINCT unnest(latest_event_nids || last_event_sent_nid) AS nid FROM public.roomserver_rooms
       WHERE room_nid = ?`,
      [roomNid],
    ),
  );
  return rows.map(({ nid }) => Number(nid));
}

/**
 * For each event, Dendrite stores a list of the events that follow it. Takes events out of such lists, and deletes the lists
 * that become empty.
 * @param previous ids of the events whose lists of followers change
 * @param eventNids NIDs of the events to take out of the lists
 * @returns the number of deleted lists
 */
export async function unlinkEvents(
  transaction: Knex.Transaction,
  previous: readonly EventId[],
  eventNids: readonly number[],
): Promise<RowCounts> {
  return countsOf(
    transaction.raw(
      `WITH lists AS MATERIALIZED (
         SELECT previous_event_id, event_nids, ARRAY(SELECT nid FROM unnest(event_nids) WITH ORDINALITY AS n(nid, position)
           WHERE nid <> ALL(:eventNids) ORDER BY position) AS followers
         FROM public.roomserver_previous_events WHERE previous_event_id = ANY(:previous)),
       shortened AS (
         UPDATE public.roomserver_previous_events p SET event_nids = l.followers FROM lists l
         WHERE p.previous_event_id = l.previous_event_id AND l.followers <> '{}' AND l.followers <> l.event_nids),
       deleted AS (
         DELETE FROM public.roomserver_previous_events
         WHERE previous_event_id = ANY(ARRAY(SELECT previous_event_id FROM lists WHERE followers = '{}')) RETURNING 1)
       SELECT count(*) AS roomserver_previous_events FROM deleted`,
      { previous: [...previous], eventNids: [...eventNids] },
    ),
  );
}

/**
 * Returns the tables from which to delete when events are deleted, and for each table an SQL condition that selects the rows:
 * the events, their JSON, reports about them, and the rows for those of the events that are redactions or retired invites. The
 * conditions need the binding `:roomNid`.
 * @param events SQL for the array of the events' ids, and for the array of their NIDs
 */
export const deletionsOfEvents = ({
  ids,
  nids,
}: {
  readonly ids: string;
  readonly nids: string;
}): readonly (readonly [table: string, condition: string])[] => [
  ['public.roomserver_redactions', `redaction_event_id = ANY(${ids})`],
  ['public.roomserver_reported_events', `event_nid = ANY(${nids})`],
  ['public.roomserver_invites', `invite_event_id = ANY(${ids}) AND room_nid = :roomNid AND retired`],
  ['public.roomserver_event_json', `event_nid = ANY(${nids})`],
  ['public.roomserver_events', `event_nid = ANY(${nids})`],
];

/**
 * Deletes events with their JSON, the reports about these events, and the rows for those of the events that are redactions or
 * retired invites.
 *
 * If a redaction that stays stored has redacted one of the deleted events, the function marks the redaction as not validated.
 * If Dendrite fetches the deleted event again, it looks for such redactions, and redacts the event again.
 */
export async function deleteEvents(
  transaction: Knex.Transaction,
  { roomNid }: RoomKeys,
  events: { readonly eventIds: readonly EventId[]; readonly eventNids: readonly number[] },
): Promise<RowCounts> {
  if (events.eventNids.length === 0) return {};
  const bindings = { roomNid, ids: [...events.eventIds], nids: [...events.eventNids] };
  await transaction.raw(
    `UPDATE public.roomserver_redactions SET validated = false WHERE redacts_event_id = ANY(:ids) AND validated
       AND redaction_event_id <> ALL(:ids)`,
    bindings,
  );
  let counts: RowCounts = {};
  for (const [table, condition] of deletionsOfEvents({ ids: ':ids', nids: ':nids' })) {
    counts = addCounts(counts, await deleteRows(transaction, table, condition, bindings));
  }
  return counts;
}

/**
 * Finds the outliers among the given events. An outlier is an event that is stored without the room's state before it, and that
 * was not sent to clients. Leaves out rejected events, because the homeserver must remember that it rejected them.
 */
export async function findOutliers(
  db: Db,
  eventNids: readonly number[],
): Promise<{ readonly eventIds: readonly EventId[]; readonly eventNids: readonly number[] }> {
  const rows = await rowsOf<{ event_id: EventId; event_nid: string }>(
    db.raw(
      `SELECT event_id, event_nid FROM public.roomserver_events
       WHERE event_nid = ANY(?) AND state_snapshot_nid = 0 AND NOT sent_to_output AND NOT is_rejected`,
      [[...eventNids]],
    ),
  );
  return { eventIds: rows.map(({ event_id }) => event_id), eventNids: rows.map(({ event_nid }) => Number(event_nid)) };
}

/**
 * Lists which of the given events are still in use. An event is in use if a stored membership, a pending invite or the current
 * state refers to it.
 */
export async function listNamedEvents(
  db: Db,
  { roomId, roomNid }: { readonly roomId: RoomId; readonly roomNid: number },
  eventNids: readonly number[],
): Promise<number[]> {
  const rows = await rowsOf<{ nid: string }>(
    db.raw(
      `SELECT e.event_nid AS nid FROM public.roomserver_events e
       JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = e.event_state_key_nid
       WHERE e.event_nid = ANY(:eventNids) AND (
         EXISTS (SELECT FROM public.syncapi_current_room_state c WHERE c.event_id = e.event_id)
         OR EXISTS (SELECT FROM public.roomserver_membership m
                    WHERE m.room_nid = :roomNid AND m.target_nid = e.event_state_key_nid AND m.event_nid = e.event_nid)
         OR EXISTS (SELECT FROM public.syncapi_memberships m
                    WHERE m.room_id = :roomId AND m.user_id = k.event_state_key AND m.event_id = e.event_id)
         OR EXISTS (SELECT FROM public.roomserver_invites i WHERE i.invite_event_id = e.event_id AND NOT i.retired))`,
      { roomId, roomNid, eventNids: [...eventNids] },
    ),
  );
  return rows.map(({ nid }) => Number(nid));
}

/** Lists the NIDs of the auth events of the given events, each NID once. */
export async function listAuthEvents(db: Db, eventNids: readonly number[]): Promise<number[]> {
  const rows = await rowsOf<{ nid: string }>(
    db.raw(`SELECT DISTINCT unnest(auth_event_nids) AS nid FROM public.roomserver_events WHERE event_nid = ANY(?)`, [
      [...eventNids],
    ]),
  );
  return rows.map(({ nid }) => Number(nid));
}
