import type { EventId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import { type EventTypeFilter, isWantedType, typeBindings } from '../event-type-filter.ts';

/**
 * Reads the state of a room after an event: the events of the state whose type passes the filter, in the order of types and
 * state keys. Returns an empty list if the event is not stored.
 *
 * Dendrite stores the state before an event as a list of blocks. If several blocks have an entry for the same type and state
 * key, the entry of the last block counts. If the event is a state event itself, it replaces the entry of its type and state
 * key.
 */
export async function readStateAt(
  db: Db,
  eventId: EventId,
  filter: EventTypeFilter,
): Promise<{ readonly eventId: EventId; readonly event: EventJson }[]> {
  const rows = await rowsOf<{ event_id: EventId; event_json: string }>(
    db.raw(
      `WITH at AS (SELECT event_nid, state_snapshot_nid FROM public.roomserver_events WHERE event_id = :eventId),
       entries AS (
         SELECT n.event_nid, b.position FROM at
         JOIN public.roomserver_state_snapshots s ON s.state_snapshot_nid = at.state_snapshot_nid
         CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS b(block_nid, position)
         JOIN public.roomserver_state_block block ON block.state_block_nid = b.block_nid
         CROSS JOIN unnest(block.event_nids) AS n(event_nid)
         UNION ALL SELECT event_nid, NULL FROM at),
       state AS (
         SELECT DISTINCT ON (e.event_type_nid, e.event_state_key_nid) e.*
         FROM entries JOIN public.roomserver_events e ON e.event_nid = entries.event_nid AND e.event_state_key_nid <> 0
         ORDER BY e.event_type_nid, e.event_state_key_nid, entries.position DESC NULLS FIRST)
       SELECT state.event_id, j.event_json FROM state
       JOIN public.roomserver_event_types t ON t.event_type_nid = state.event_type_nid
       JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = state.event_state_key_nid
       JOIN public.roomserver_event_json j ON j.event_nid = state.event_nid
       WHERE ${isWantedType('t.event_type')}
       ORDER BY t.event_type COLLATE "C", k.event_state_key COLLATE "C"`,
      { eventId, ...typeBindings(filter) },
    ),
  );
  return rows.map((row) => ({ eventId: row.event_id, event: JSON.parse(row.event_json) as EventJson }));
}
