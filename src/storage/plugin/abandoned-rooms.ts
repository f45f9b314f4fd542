import type { Knex } from 'knex';
import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { HAS_LOCAL_USERS } from '../roomserver/local-members.ts';

/** A room without local users: no local user has joined the room, is invited to it, or is knocking at it. */
export interface AbandonedRoom {
  readonly roomNid: number;
  readonly roomId: RoomId;
  /**
   * The time at which `noteAbandonedRooms()` recorded the room, in ms since the epoch. `undefined` if it has not recorded the
   * room yet.
   */
  readonly since: number | undefined;
}

/** SQL condition: the room `r` has no local users, and is not being purged. */
const IS_ABANDONED = `NOT ${HAS_LOCAL_USERS}
  AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)`;

/**
 * Records all rooms that have no local users, are not being purged, and are not recorded yet. Deletes the records of rooms that
 * have local users again, that are being purged, or that no longer exist.
 * @returns the number of new records
 */
export async function noteAbandonedRooms(
  transaction: Knex.Transaction,
  localServerNames: readonly ServerName[],
): Promise<number> {
  const bindings = { localServerNames: [...localServerNames] };
  await transaction.raw(
    `DELETE FROM matrix_admin.abandoned_rooms a
     WHERE NOT EXISTS (SELECT FROM public.roomserver_rooms r WHERE r.room_id = a.room_id AND ${IS_ABANDONED})`,
    bindings,
  );
  const noted = await rowsOf<{ room_id: RoomId }>(
    transaction.raw(
      `INSERT INTO matrix_admin.abandoned_rooms (room_id)
       SELECT r.room_id FROM public.roomserver_rooms r WHERE ${IS_ABANDONED}
       ON CONFLICT DO NOTHING RETURNING room_id`,
      bindings,
    ),
  );
  return noted.length;
}

/**
 * Lists rooms without local users that are not being purged, in ascending order of their NIDs. A NID is the number that
 * Dendrite gives a room.
 * @param filter `after`: only rooms with a higher NID. `limit`: maximum number of rooms. `notedForMs`: only rooms that were
 * recorded at least this many ms ago. `except`: ids of rooms to leave out
 */
export async function readAbandonedRooms(
  db: Db,
  localServerNames: readonly ServerName[],
  filter: {
    readonly after: number;
    readonly limit: number;
    readonly notedForMs?: number;
    readonly except?: readonly string[];
  },
): Promise<AbandonedRoom[]> {
  const rows = await rowsOf<{ room_nid: string; room_id: RoomId; since_ms: number | null }>(
    db.raw(
      `SELECT r.room_nid, r.room_id, (extract(epoch FROM a.since) * 1000)::float8 AS since_ms
       FROM public.roomserver_rooms r LEFT JOIN matrix_admin.abandoned_rooms a ON a.room_id = r.room_id
       WHERE r.room_nid > :after AND ${IS_ABANDONED} AND r.room_id <> ALL(:except)
         AND (CAST(:notedForMs AS bigint) IS NULL
           OR a.since <= clock_timestamp() - CAST(:notedForMs AS bigint) * interval '1 ms')
       ORDER BY r.room_nid LIMIT :limit`,
      {
        after: filter.after,
        limit: filter.limit,
        notedForMs: filter.notedForMs ?? null,
        except: [...(filter.except ?? [])],
        localServerNames: [...localServerNames],
      },
    ),
  );
  return rows.map(({ room_nid, room_id, since_ms }) => ({
    roomNid: Number(room_nid),
    roomId: room_id,
    since: since_ms === null ? undefined : Math.floor(since_ms),
  }));
}
