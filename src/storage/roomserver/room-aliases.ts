import type { Knex } from 'knex';
import type { RoomAlias, RoomId, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** Moves the local aliases of a room to another room, and makes `creator` their creator. @returns the moved aliases */
export async function moveAliases(
  transaction: Knex.Transaction,
  from: RoomId,
  { to, creator }: { readonly to: RoomId; readonly creator: UserId },
): Promise<string[]> {
  const rows = await rowsOf<{ alias: string }>(
    transaction.raw(
      `UPDATE public.roomserver_room_aliases SET room_id = ?, creator_id = ? WHERE room_id = ? RETURNING alias`,
      [to, creator, from],
    ),
  );
  return rows.map(({ alias }) => alias).sort();
}

/** Finds the room to which a local alias points. Returns `undefined` if the homeserver has no such alias. */
export async function findRoomOfAlias(db: Db, alias: RoomAlias): Promise<RoomId | undefined> {
  const [row] = await rowsOf<{ room_id: RoomId }>(
    db.raw('SELECT room_id FROM public.roomserver_room_aliases WHERE alias = ?', [alias]),
  );
  return row?.room_id;
}
