import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../ids.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import type { EventJson } from '../matrix/room-version.ts';
import { insertInvites, upsertMemberships } from '../storage/roomserver/membership.ts';
import { assignNids } from '../storage/roomserver/nids.ts';
import { insertRoom, lockRoom } from '../storage/roomserver/rooms.ts';
import { insertSyncInvites } from '../storage/syncapi/room-events.ts';
import { writeTogether } from '../storage/write-together.ts';
import { headeredJson } from './sync-writes.ts';

/** An invite from another server. */
export interface ReceivedInvite {
  readonly roomId: RoomId;
  readonly version: string;
  readonly eventId: EventId;
  /** The invite event, with `unsigned.invite_room_state`. */
  readonly event: EventJson;
  readonly sender: UserId;
  /** The invited user. */
  readonly userId: UserId;
}

/**
 * Stores an invite from another server, so that the invited user sees it. If the homeserver does not know the room, adds a row
 * for the room with only its id and version. If the homeserver has events of the room, stores nothing, because another server
 * later sends the invite as an event of the room.
 * @param check throws an error if the user may not be invited. The function calls `check()` after it has locked the room's row.
 */
export async function storeRemoteInvite(
  transaction: Knex.Transaction,
  { roomId, version, eventId, event, sender, userId }: ReceivedInvite,
  check: () => Promise<void>,
): Promise<void> {
  const room = (await insertRoom(transaction, roomId, version)) ?? (await lockRoom(transaction, roomId));
  if (room === undefined) throw new Error('the room no longer exists');
  await check();
  if (room.latestEventNids.length > 0) return;
  const { stateKeys: nids } = await assignNids(transaction, { stateKeys: [sender, userId] });
  const [senderNid = Number.NaN, targetNid = Number.NaN] = [nids.get(sender), nids.get(userId)];
  const json = canonicalJson(event);
  await writeTogether(transaction, [
    ...insertInvites(room.roomNid, [{ eventId, targetNid, senderNid, json, retired: false }]),
    ...upsertMemberships(room.roomNid, [
      { targetNid, senderNid, membership: 'invite', eventNid: 0, targetLocal: true },
    ]),
    ...insertSyncInvites(roomId, [{ eventId, userId, headeredJson: headeredJson(event, eventId, room) }]),
  ]);
}
