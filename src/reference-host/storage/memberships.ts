import type { Knex } from 'knex';
import type { Membership } from '../../homeserver/index.ts';
import type { EventId, RoomId, UserId } from '../../index.ts';
import { membershipOf } from '../../matrix/index.ts';

/** The current membership of a user in a room. */
export interface CurrentMembership {
  readonly membership: Membership;
  readonly eventId: EventId;
}

export async function findMembership(db: Knex, roomId: RoomId, userId: UserId): Promise<CurrentMembership | undefined> {
  const row = await db('public.syncapi_current_room_state')
    .where({ room_id: roomId, type: 'm.room.member', state_key: userId })
    .first('membership', 'event_id');
  return row && { membership: row.membership, eventId: row.event_id };
}

/** A change of a membership. `position` is the stream position of the member event. */
export interface MembershipChange {
  readonly position: number;
  readonly membership: unknown;
}

/** Lists the changes of a user's membership in a room, oldest first. Leaves out changes that are not in the timeline. */
export async function listMembershipChanges(db: Knex, roomId: RoomId, userId: UserId): Promise<MembershipChange[]> {
  const { rows } = await db.raw<{ rows: { id: string; headered_event_json: string }[] }>(
    `SELECT o.id, o.headered_event_json
     FROM public.roomserver_rooms r
     JOIN public.roomserver_event_state_keys k ON k.event_state_key = :userId
     JOIN public.roomserver_events e
       ON e.room_nid = r.room_nid AND e.event_state_key_nid = k.event_state_key_nid AND e.event_type_nid = 5
     JOIN public.syncapi_output_room_events o ON o.event_id = e.event_id
     WHERE r.room_id = :roomId ORDER BY o.id`,
    { roomId, userId },
  );
  return rows.map((row) => ({
    position: Number(row.id),
    membership: membershipOf(JSON.parse(row.headered_event_json)),
  }));
}

/**
 * Marks a room as forgotten by a user, if the user has left the room or was banned from it.
 * @returns whether the user has left or was banned
 */
export async function forgetRoom(db: Knex, roomId: RoomId, userId: UserId): Promise<boolean> {
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `UPDATE public.roomserver_membership m SET forgotten = true
     FROM public.roomserver_rooms r, public.roomserver_event_state_keys k
     WHERE r.room_id = :roomId AND m.room_nid = r.room_nid AND k.event_state_key = :userId
       AND m.target_nid = k.event_state_key_nid AND m.membership_nid = 1`,
    { roomId, userId },
  );
  return rowCount > 0;
}
