import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { ReferredEvent } from '../../matrix/build-event.ts';
import { type RoomVersion, roomVersionOf } from '../../matrix/room-version.ts';

/** A room whose row is locked until the end of the transaction. */
export interface LockedRoom {
  readonly roomId: RoomId;
  readonly roomNid: number;
  readonly versionId: string;
  readonly version: RoomVersion;
  /** The room's forward extremities. */
  readonly latestEventNids: readonly number[];
  readonly stateSnapshotNid: number;
}

/** An event with what the roomserver tables know of it. */
export interface StoredRoomEvent extends ReferredEvent {
  readonly eventNid: number;
  readonly depth: number;
}

interface EventRow {
  event_nid: string;
  event_id: EventId;
  depth: string;
  event_json: string;
}

/** Keeps other writers out of the room. Undefined for a room that is not known. */
export async function lockRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<LockedRoom | undefined> {
  const row = await transaction('public.roomserver_rooms').where('room_id', roomId).forUpdate().first();
  if (row === undefined) return undefined;
  return {
    roomId,
    roomNid: Number(row.room_nid),
    versionId: row.room_version,
    version: roomVersionOf(row.room_version),
    latestEventNids: row.latest_event_nids.map(Number),
    stateSnapshotNid: Number(row.state_snapshot_nid),
  };
}

/** Rooms that a user is in. */
export async function joinedRooms(db: Knex, userId: UserId): Promise<RoomId[]> {
  return db('public.syncapi_current_room_state')
    .where({ type: 'm.room.member', state_key: userId, membership: 'join' })
    .pluck('room_id');
}

function storedEventOf(row: EventRow): StoredRoomEvent {
  return {
    eventId: row.event_id,
    eventNid: Number(row.event_nid),
    depth: Number(row.depth),
    event: JSON.parse(row.event_json),
  };
}

function roomEvents(transaction: Knex.Transaction, { roomNid }: LockedRoom): Knex.QueryBuilder<EventRow, EventRow[]> {
  return transaction('public.roomserver_events AS e')
    .join('public.roomserver_event_json AS j', 'j.event_nid', 'e.event_nid')
    .where('e.room_nid', roomNid)
    .select('e.event_nid', 'e.event_id', 'e.depth', 'j.event_json');
}

/** One event of the room. */
export async function readEvent(
  transaction: Knex.Transaction,
  room: LockedRoom,
  eventId: EventId,
): Promise<StoredRoomEvent | undefined> {
  const [row] = await roomEvents(transaction, room).where('e.event_id', eventId);
  return row && storedEventOf(row);
}

/** The newest forward extremities, at most `limit`. */
export async function readLatestEvents(
  transaction: Knex.Transaction,
  room: LockedRoom,
  limit: number,
): Promise<StoredRoomEvent[]> {
  const rows = await roomEvents(transaction, room)
    .whereIn('e.event_nid', [...room.latestEventNids])
    .orderBy([
      { column: 'e.depth', order: 'desc' },
      { column: 'e.event_nid', order: 'desc' },
    ])
    .limit(limit);
  return rows.map(storedEventOf);
}

/** The room's current state under these types and state keys, by type. */
export async function readState(
  transaction: Knex.Transaction,
  room: LockedRoom,
  keys: readonly (readonly [type: string, stateKey: string])[],
): Promise<Map<string, StoredRoomEvent>> {
  const rows = await roomEvents(transaction, room)
    .join('public.syncapi_current_room_state AS s', 's.event_id', 'e.event_id')
    .where('s.room_id', room.roomId)
    .whereIn(
      ['s.type', 's.state_key'],
      keys.map((key) => [...key]),
    )
    .select('s.type');
  return new Map(rows.map((row) => [row.type, storedEventOf(row)]));
}
