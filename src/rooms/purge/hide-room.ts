import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import type { RoomId, ServerName, UserId } from '../../ids.ts';
import { insertDepartures } from '../../storage/plugin/departures.ts';
import { insertPurge, type PurgeEvacuation, readPurge } from '../../storage/plugin/purges.ts';
import { deleteSeenRows } from '../../storage/room-tables.ts';
import { emptyRoomRow } from '../../storage/roomserver/purge-room.ts';
import { lockRoom, type StoredRoom } from '../../storage/roomserver/rooms.ts';
import { countTimeline } from '../../storage/syncapi/purge-timeline.ts';
import type { Keepable } from './purge-phases.ts';

/**
 * Locks the room's row until the transaction ends, and returns the row.
 * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room
 */
export async function requireRoomRow(transaction: Knex.Transaction, roomId: RoomId): Promise<StoredRoom> {
  const room = await lockRoom(transaction, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
  return room;
}

/** The settings with which `hideRoom()` hides a room. */
export interface Hiding {
  /** Kinds of data that the purge keeps. */
  readonly keep: readonly Keepable[];
  readonly localServerNames: readonly ServerName[];
  /**
   * The result of the evacuation, in which local users left the room before the purge. `undefined` if there was no evacuation.
   */
  readonly evacuation?: PurgeEvacuation;
}

/**
 * Hides a room from clients by deleting the rows through which they see it, and marks the room as being purged, so that the
 * homeserver accepts no new events for it. `purgeHiddenRoom()` later deletes all other data of the room. Stores the local users
 * who have or had a membership in the room in the plugin's table `departures`, so that `/sync` can tell their clients that the
 * users are no longer in the room. Does nothing if the room is already being purged.
 * @returns the stored users; no users if the room is already being purged
 * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room
 */
export async function hideRoom(
  transaction: Knex.Transaction,
  roomId: RoomId,
  { keep, localServerNames, evacuation }: Hiding,
): Promise<UserId[]> {
  const room = await requireRoomRow(transaction, roomId);
  if ((await readPurge(transaction, roomId)) !== undefined) return [];
  const departed = await insertDepartures(transaction, room, localServerNames);
  const deleted = await deleteSeenRows(transaction, room, { keepAliases: keep.includes('aliases') });
  await emptyRoomRow(transaction, room);
  const events = await countTimeline(transaction, room);
  await insertPurge(transaction, roomId, {
    phase: 0,
    position: [],
    deleted,
    events,
    ...(evacuation && { evacuation }),
  });
  return departed;
}
