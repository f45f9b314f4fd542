import type { Knex } from 'knex';
import { findEvent, readDeepest, readEvents, type StoredEvent, type StoredRoom } from '../../homeserver/index.ts';
import type { EventId, RoomId, ServerName } from '../../index.ts';

/**
 * A room's state, and the auth chain of this state: the auth events of the state events, then the auth events of these auth
 * events, and so on.
 */
export interface StateView {
  readonly state: readonly StoredEvent[];
  readonly authChain: readonly StoredEvent[];
}

/** Tells whether a user of the server has joined the room. */
export async function isServerInRoom(db: Knex, roomId: RoomId, serverName: ServerName): Promise<boolean> {
  const row = await db('public.federationsender_joined_hosts')
    .where({ room_id: roomId, server_name: serverName })
    .first();
  return row !== undefined;
}

/**
 * SQL for the NIDs of the events in a state snapshot. A NID is the number that Dendrite gives an event. Dendrite stores a
 * snapshot as a list of blocks, and a block as a list of events. If several blocks have an event of the same type and state
 * key, the event of the last block counts.
 */
const EVENTS_OF_SNAPSHOT = `SELECT DISTINCT ON (e.event_type_nid, e.event_state_key_nid) e.event_nid AS nid
  FROM public.roomserver_state_snapshots s
  CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS place (block_nid, n)
  JOIN public.roomserver_state_block b ON b.state_block_nid = place.block_nid
  CROSS JOIN unnest(b.event_nids) AS entry (event_nid)
  JOIN public.roomserver_events e ON e.event_nid = entry.event_nid
  WHERE s.state_snapshot_nid = ?
  ORDER BY e.event_type_nid, e.event_state_key_nid, place.n DESC`;

/** Reads the state of a snapshot, and the auth chain of this state. Dendrite stores the state before an event as a snapshot. */
export async function readStateView(db: Knex, snapshotNid: number): Promise<StateView> {
  const events = await db.raw<{ rows: { nid: string }[] }>(EVENTS_OF_SNAPSHOT, [snapshotNid]);
  const stateNids = events.rows.map(({ nid }) => Number(nid));
  const { rows } = await db.raw<{ rows: { nid: string }[] }>(
    `WITH RECURSIVE chain (nid) AS (
       SELECT unnest(auth_event_nids) FROM public.roomserver_events WHERE event_nid = ANY(?)
       UNION SELECT unnest(e.auth_event_nids) FROM chain JOIN public.roomserver_events e ON e.event_nid = chain.nid)
     SELECT nid FROM chain`,
    [stateNids],
  );
  const authNids = rows.map(({ nid }) => Number(nid));
  return { state: await readEvents(db, stateNids), authChain: await readEvents(db, authNids) };
}

/**
 * Finds the snapshot with the room's state before an event. Returns `undefined` if the event is not in the room, or if the
 * state before it is unknown.
 */
export async function findSnapshotBefore(db: Knex, room: StoredRoom, eventId: EventId): Promise<number | undefined> {
  const row = await db('public.roomserver_events')
    .where({ event_id: eventId, room_nid: room.roomNid })
    .where('state_snapshot_nid', '>', 0)
    .first('state_snapshot_nid');
  return row && Number(row.state_snapshot_nid);
}

/**
 * Reads events of a room whose depth is at most the greatest depth of the given events: the `limit` deepest of them, the
 * deepest first. Leaves out events for which the state before the event is unknown. Simplification: an event can be among the
 * result even if no chain of `prev_events` leads from the given events to it.
 */
export async function readEventsUpTo(
  db: Knex,
  { roomNid }: StoredRoom,
  eventIds: readonly EventId[],
  limit: number,
): Promise<StoredEvent[]> {
  const { rows } = await db.raw<{ rows: { event_nid: string }[] }>(
    `SELECT event_nid FROM public.roomserver_events WHERE room_nid = :roomNid AND state_snapshot_nid > 0
       AND depth <= (SELECT max(depth) FROM public.roomserver_events WHERE event_id = ANY(:eventIds) AND room_nid = :roomNid)
     ORDER BY depth DESC, event_nid DESC LIMIT :limit`,
    { roomNid, eventIds: [...eventIds], limit },
  );
  const nids = rows.map((row) => Number(row.event_nid));
  return readDeepest(db, nids, nids.length);
}

/** Finds an event, and the room to which it belongs. Returns `undefined` if the event is unknown. */
export async function findEventWithRoom(
  db: Knex,
  eventId: EventId,
): Promise<{ readonly roomId: RoomId; readonly stored: StoredEvent } | undefined> {
  const row = await db('public.roomserver_events AS e')
    .join('public.roomserver_rooms AS r', 'r.room_nid', 'e.room_nid')
    .where('e.event_id', eventId)
    .first('r.room_id', 'r.room_nid');
  const stored = row && (await findEvent(db, Number(row.room_nid), eventId));
  return stored && { roomId: row.room_id, stored };
}
