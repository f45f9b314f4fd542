import type { Knex } from 'knex';
import type { RoomId, UserId } from '../../ids.ts';
import { rowsOf } from '../database.ts';

/** Moves the local aliases of a room to another room, as if a user had created them there. @returns the aliases */
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
