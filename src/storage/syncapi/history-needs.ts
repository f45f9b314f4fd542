import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * SQL conditions that split a room's rows of `syncapi_output_room_events` into three groups. An index has the rows of each
 * group in the order of their stream positions.
 */
const GROUPS = ['exclude_from_sync = false', 'exclude_from_sync = true', 'exclude_from_sync IS NULL'] as const;

/**
 * The NIDs of the state snapshots before some events of a timeline, and of the auth events of these events. A purge of history
 * must keep both. A NID is the number that Dendrite gives a snapshot or an event.
 */
export interface TimelineNeeds {
  readonly snapshotNids: readonly number[];
  readonly authEventNids: readonly number[];
}

/**
 * A position in a reading of a whole timeline, which reads one group after another: the index of the group in `GROUPS`, and the
 * stream position of the last row that was read in this group.
 */
export type WalkPosition = readonly [group: number, after: number];

const NEEDS = `SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM page) AS events,
    array_agg(DISTINCT e.state_snapshot_nid::text) AS snapshots,
    array_agg(DISTINCT a.nid::text) FILTER (WHERE a.nid IS NOT NULL) AS auth
  FROM page JOIN public.roomserver_events e ON e.event_id = page.event_id
  LEFT JOIN LATERAL unnest(e.auth_event_nids) AS a(nid) ON true`;

interface NeedsRow {
  last: string | null;
  events: string;
  snapshots: string[] | null;
  auth: string[] | null;
}

const needsOf = (row: NeedsRow | undefined): TimelineNeeds => ({
  snapshotNids: (row?.snapshots ?? []).map(Number),
  authEventNids: (row?.auth ?? []).map(Number),
});

/**
 * Reads which snapshots and auth events the next `limit` events in a group of a room's events need.
 * @returns also in `next` the position at which the caller continues, which may be in the next group; `undefined` if `group` is
 * beyond the last group
 */
export async function readNeeds(
  db: Db,
  roomId: RoomId,
  [group, after]: WalkPosition,
  limit: number,
): Promise<TimelineNeeds & { readonly next: WalkPosition | undefined }> {
  const inGroup = GROUPS[group];
  if (inGroup === undefined) return { ...needsOf(undefined), next: undefined };
  const [row] = await rowsOf<NeedsRow>(
    db.raw(
      `WITH page AS MATERIALIZED (SELECT id, event_id FROM public.syncapi_output_room_events
         WHERE room_id = :roomId AND ${inGroup} AND id > :after ORDER BY id LIMIT :limit) ${NEEDS}`,
      { roomId, after, limit },
    ),
  );
  const isOver = Number(row?.events ?? 0) < limit;
  return { ...needsOf(row), next: isOver ? [group + 1, 0] : [group, Number(row?.last ?? 0)] };
}

/**
 * Reads which snapshots and auth events those events of a room need that come after a stream position.
 * @returns also in `newest` the greatest stream position of these events; `after` if there are no such events
 */
export async function readNewNeeds(
  db: Db,
  roomId: RoomId,
  after: number,
): Promise<TimelineNeeds & { readonly newest: number }> {
  const [row] = await rowsOf<NeedsRow>(
    db.raw(
      `WITH page AS MATERIALIZED (SELECT id, event_id FROM public.syncapi_output_room_events
         WHERE room_id = :roomId AND id > :after) ${NEEDS}`,
      { roomId, after },
    ),
  );
  return { ...needsOf(row), newest: Math.max(after, Number(row?.last ?? 0)) };
}

/** Finds the greatest stream position of a room's events. Returns 0 if the room has no events. */
export async function findNewest(db: Db, roomId: RoomId): Promise<number> {
  const [row] = await rowsOf<{ newest: string | null }>(
    db.raw('SELECT max(id) AS newest FROM public.syncapi_output_room_events WHERE room_id = ?', [roomId]),
  );
  return Number(row?.newest ?? 0);
}
