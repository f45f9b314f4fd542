import type { EventId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** An event of a room that no other event follows yet. */
export interface ForwardExtremity {
  readonly eventId: EventId;
  /**
   * NID of the snapshot that stores the room's state before the event. A NID is the number that Dendrite gives a snapshot or an
   * event.
   */
  readonly stateSnapshotNid: number;
  readonly depth: number;
}

/** Reads the given forward extremities in descending order of depth, at most `limit` of them. */
export async function readForwardExtremities(
  db: Db,
  eventNids: readonly number[],
  limit: number,
): Promise<ForwardExtremity[]> {
  const rows = await rowsOf<{ event_id: EventId; state_snapshot_nid: string; depth: string }>(
    db.raw(
      `SELECT event_id, state_snapshot_nid, depth FROM public.roomserver_events
       WHERE event_nid = ANY(?) ORDER BY depth DESC, event_nid DESC LIMIT ?`,
      [[...eventNids], limit],
    ),
  );
  return rows.map((row) => ({
    eventId: row.event_id,
    stateSnapshotNid: Number(row.state_snapshot_nid),
    depth: Number(row.depth),
  }));
}
