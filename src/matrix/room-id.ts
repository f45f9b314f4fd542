import { randomBytes } from 'node:crypto';
import type { EventId, RoomId, ServerName } from '../ids.ts';

/** Makes a random room id, for room versions up to 11. */
export function randomRoomId(serverName: ServerName): RoomId {
  return `!${randomBytes(12).toString('base64url')}:${serverName}` as RoomId;
}

/** Derives the room id from the id of the create event, as room versions since 12 do. */
export function roomIdOfCreate(createEventId: EventId): RoomId {
  return `!${createEventId.slice(1)}` as RoomId;
}
