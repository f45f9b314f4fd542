import type { Knex } from 'knex';
import type { RoomId, UserId } from '../../index.ts';
import type { RoomAlias } from '../../matrix/index.ts';

export interface StoredAlias {
  readonly roomId: RoomId;
  readonly creator: UserId;
}

export async function findAlias(db: Knex, alias: RoomAlias): Promise<StoredAlias | undefined> {
  const row = await db('public.roomserver_room_aliases').where({ alias }).first('room_id', 'creator_id');
  return row && { roomId: row.room_id, creator: row.creator_id };
}

/** Lists the local aliases of a room. */
export async function listAliases(db: Knex, roomId: RoomId): Promise<string[]> {
  return db('public.roomserver_room_aliases').where({ room_id: roomId }).orderBy('alias').pluck('alias');
}

/** Stores an alias. @returns `false` if the alias is already taken */
export async function insertAlias(
  transaction: Knex,
  alias: RoomAlias,
  { roomId, creator }: StoredAlias,
): Promise<boolean> {
  const inserted = await transaction('public.roomserver_room_aliases')
    .insert({ alias, room_id: roomId, creator_id: creator })
    .onConflict('alias')
    .ignore()
    .returning('alias');
  return inserted.length > 0;
}

export async function deleteAlias(db: Knex, alias: RoomAlias): Promise<void> {
  await db('public.roomserver_room_aliases').where({ alias }).delete();
}
