import type { Knex } from 'knex';
import { countsOf, type Deletion, nextKeyRange, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * Returns an SQL condition: the state snapshot with the alias `snapshot` contains no events. Such a snapshot is the state before
 * a create event. All rooms share one row for it, because Dendrite stores equal states once.
 */
export const ofNoEvent = (snapshot: string): string => `(cardinality(${snapshot}.state_block_nids) = 0
  OR (cardinality(${snapshot}.state_block_nids) = 1 AND EXISTS (
    SELECT FROM public.roomserver_state_block b
    WHERE b.state_block_nid = ${snapshot}.state_block_nids[1] AND cardinality(b.event_nids) = 0)))`;

/**
 * Deletes the state snapshots of a room whose NIDs are in the next range, and the blocks to which they refer. The range starts
 * at the first existing NID after the position, and covers `width` values, whether or not snapshots with these NIDs exist. A
 * NID is the number that Dendrite gives a snapshot, a block, an event or a room. Does not delete blocks whose events belong to
 * another room. A later range may contain another snapshot that refers to a deleted block. This does no harm, because nothing
 * reads the snapshots of a room that is being purged.
 */
export async function deleteStateOfRoom(
  transaction: Knex.Transaction,
  { roomNid }: RoomKeys,
  position: Position,
  width: number,
): Promise<Deletion> {
  const table = { table: 'public.roomserver_state_snapshots', key: 'state_snapshot_nid' };
  const { after, upTo, next } = await nextKeyRange(transaction, table, position, width);
  const range = { roomNid, after, upTo };
  // The row of the empty snapshot, which all rooms share, contains the NID of the room that used the snapshot last. If this
  // room is the one that is being purged, the row gets the NID of another room, so that the next statement does not delete it.
  await transaction.raw(
    `WITH shared AS (
       SELECT s.state_snapshot_nid, coalesce(
         (SELECT e.room_nid FROM public.roomserver_events e JOIN public.roomserver_rooms r ON r.room_nid = e.room_nid
          WHERE e.event_type_nid = 1 AND e.state_snapshot_nid = s.state_snapshot_nid AND e.room_nid <> :roomNid
            AND r.room_id NOT IN (SELECT room_id FROM matrix_admin.purges) LIMIT 1),
         (SELECT r.room_nid FROM public.roomserver_rooms r
          WHERE r.room_nid <> :roomNid AND r.room_id NOT IN (SELECT room_id FROM matrix_admin.purges)
          ORDER BY r.room_nid DESC LIMIT 1)) AS other_nid
       FROM public.roomserver_state_snapshots s
       WHERE s.state_snapshot_nid > :after AND s.state_snapshot_nid <= :upTo AND s.room_nid = :roomNid AND ${ofNoEvent('s')})
     UPDATE public.roomserver_state_snapshots s SET room_nid = shared.other_nid FROM shared
     WHERE s.state_snapshot_nid = shared.state_snapshot_nid AND shared.other_nid IS NOT NULL AND s.room_nid = :roomNid`,
    range,
  );
  const deleted = await countsOf(
    transaction.raw(
      `WITH snapshots AS (
         DELETE FROM public.roomserver_state_snapshots
         WHERE state_snapshot_nid > :after AND state_snapshot_nid <= :upTo AND room_nid = :roomNid
         RETURNING state_block_nids),
       blocks AS (
         DELETE FROM public.roomserver_state_block b
         WHERE b.state_block_nid = ANY(ARRAY(SELECT DISTINCT unnest(state_block_nids) FROM snapshots))
           AND cardinality(b.event_nids) > 0
           AND NOT EXISTS (SELECT FROM public.roomserver_events e
                           WHERE e.event_nid = b.event_nids[1] AND e.room_nid <> :roomNid)
         RETURNING 1)
       SELECT (SELECT count(*) FROM snapshots) AS roomserver_state_snapshots,
         (SELECT count(*) FROM blocks) AS roomserver_state_block`,
      range,
    ),
  );
  return { deleted, next };
}
