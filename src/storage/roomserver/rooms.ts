import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** A row of `roomserver_rooms`. A NID is the number that Dendrite gives a room, an event or a state snapshot. */
export interface StoredRoom {
  readonly roomId: RoomId;
  readonly roomNid: number;
  readonly version: string;
  /**
   * NIDs of the forward extremities, the events that no other event follows yet. Empty if the homeserver has no events of the
   * room, for example if it knows only an invite to the room.
   */
  readonly latestEventNids: readonly number[];
  /** NID of the snapshot of the room's current state. */
  readonly stateSnapshotNid: number;
}

interface Row {
  room_nid: string;
  room_version: string;
  latest_event_nids: string[];
  state_snapshot_nid: string;
}

const COLUMNS = 'room_nid, room_version, latest_event_nids, state_snapshot_nid';

function roomOf(roomId: RoomId, row: Row): StoredRoom {
  return {
    roomId,
    roomNid: Number(row.room_nid),
    version: row.room_version,
    latestEventNids: row.latest_event_nids.map(Number),
    stateSnapshotNid: Number(row.state_snapshot_nid),
  };
}

export async function findRoom(db: Db, roomId: RoomId): Promise<StoredRoom | undefined> {
  const [row] = await rowsOf<Row>(db.raw(`SELECT ${COLUMNS} FROM public.roomserver_rooms WHERE room_id = ?`, [roomId]));
  return row && roomOf(roomId, row);
}

/**
 * Locks a room's row until the transaction ends. Other transactions that call this function or `shareRoom()` for the room wait
 * until then. Returns `undefined` if the homeserver does not know the room.
 */
export async function lockRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<StoredRoom | undefined> {
  const [row] = await rowsOf<Row>(
    transaction.raw(`SELECT ${COLUMNS} FROM public.roomserver_rooms WHERE room_id = ? FOR UPDATE`, [roomId]),
  );
  return row && roomOf(roomId, row);
}

/**
 * Takes a shared lock on a room's row, so that no other transaction changes the row before this transaction ends.
 * @returns whether the room exists
 */
export async function shareRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<boolean> {
  const rows = await rowsOf<{ room_nid: string }>(
    transaction.raw('SELECT room_nid FROM public.roomserver_rooms WHERE room_id = ? FOR SHARE', [roomId]),
  );
  return rows.length > 0;
}

/** Adds a room without events. @returns the new room; `undefined` if the room already exists */
export async function insertRoom(
  transaction: Knex.Transaction,
  roomId: RoomId,
  version: string,
): Promise<StoredRoom | undefined> {
  const [row] = await rowsOf<Row>(
    transaction.raw(
      `INSERT INTO public.roomserver_rooms (room_id, room_version) VALUES (?, ?)
       ON CONFLICT (room_id) DO NOTHING RETURNING ${COLUMNS}`,
      [roomId, version],
    ),
  );
  return row && roomOf(roomId, row);
}

/**
 * Returns the statement that sets a room's forward extremities, the event that was last sent to clients, and the current state.
 */
export function updateRoom(
  roomNid: number,
  newest: {
    readonly latestEventNids: readonly number[];
    readonly lastSentNid: number;
    readonly stateSnapshotNid: number;
  },
): Write[] {
  return [
    {
      sql: `UPDATE public.roomserver_rooms
     SET latest_event_nids = ?::bigint[], last_event_sent_nid = ?, state_snapshot_nid = ? WHERE room_nid = ?`,
      bindings: [[...newest.latestEventNids], newest.lastSentNid, newest.stateSnapshotNid, roomNid],
    },
  ];
}
