import type { Knex } from 'knex';
import type { RoomId } from '../../index.ts';

export async function isPublished(db: Knex, roomId: RoomId): Promise<boolean> {
  return (await db('public.roomserver_published').where({ room_id: roomId, published: true }).first()) !== undefined;
}

export interface PublicRoom {
  readonly roomId: RoomId;
  readonly members: number;
}

/** Lists the published rooms. Rooms with more members come first. */
export async function listPublicRooms(db: Knex): Promise<PublicRoom[]> {
  const { rows } = await db.raw<{ rows: { room_id: RoomId; members: number }[] }>(
    `SELECT p.room_id, (SELECT count(*)::int FROM public.syncapi_current_room_state s
       WHERE s.room_id = p.room_id AND s.type = 'm.room.member' AND s.membership = 'join') AS members
     FROM (SELECT DISTINCT room_id FROM public.roomserver_published WHERE published) AS p
     ORDER BY members DESC, room_id`,
  );
  return rows.map((row) => ({ roomId: row.room_id, members: row.members }));
}
