import { randomBytes } from 'node:crypto';
import type { EventId, RoomId, ServerName } from '../ids.ts';

/** A random room id, for room versions up to 11. */
export function randomRoomId(serverName: ServerName): RoomId {
  return `!${randomBytes(12).toString('base64url')}:${serverName}` as RoomId;
}

/** The room id derived from the id of the create event, since room version 12. */
export function roomIdOfCreate(createEventId: EventId): RoomId {
  return `!${createEventId.slice(1)}` as RoomId;
}
