import type { Knex } from 'knex';
import { findRoom, readDeepest, type StoredRoom } from '../../homeserver/index.ts';
import { MatrixError, type RoomId, type RoomStates, type UserId } from '../../index.ts';
import {
  authEventKeys,
  authorise,
  authStateKeys,
  type EventJson,
  referencesTo,
  roomVersionOf,
  stateName,
} from '../../matrix/index.ts';

const MAX_PREV_EVENTS = 20;

/** Finds a room. @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room, or knows only an invite to it */
export async function requireRoom(db: Knex, roomId: RoomId): Promise<StoredRoom> {
  const room = await findRoom(db, roomId);
  if (room === undefined || room.latestEventNids.length === 0)
    throw new MatrixError('M_NOT_FOUND', 'Room does not exist');
  return room;
}

/**
 * Makes the template of a member event with which a user of another server joins or leaves a room. The template has the
 * previous events and the auth events. The other server completes, hashes and signs the event.
 * @throws MatrixError `M_FORBIDDEN` if the current state of the room does not allow the event
 */
export async function memberTemplate(
  db: Knex,
  states: RoomStates,
  room: StoredRoom,
  userId: UserId,
  membership: 'join' | 'leave',
): Promise<EventJson> {
  const version = roomVersionOf(room.version);
  const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership } };
  const { events: state } = await states.load(db, room.stateSnapshotNid, authStateKeys(draft, version));
  const prevEvents = await readDeepest(db, room.latestEventNids, MAX_PREV_EVENTS);
  const reason = authorise(
    { ...draft, follows: 'events' },
    (type, stateKey) => state.get(stateName(type, stateKey))?.event,
    version,
  );
  if (reason !== undefined) throw new MatrixError('M_FORBIDDEN', reason);
  const authEvents = authEventKeys(draft, version).flatMap((key) => state.get(stateName(...key)) ?? []);
  return {
    room_id: room.roomId,
    type: draft.type,
    sender: userId,
    state_key: userId,
    content: draft.content,
    depth: Math.max(...prevEvents.map(({ depth }) => depth)) + 1,
    auth_events: referencesTo(authEvents, version),
    prev_events: referencesTo(prevEvents, version),
    origin_server_ts: Date.now(),
  };
}
