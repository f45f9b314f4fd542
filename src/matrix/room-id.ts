import { randomBytes } from 'node:crypto';
import type { EventId, RoomId, ServerName } from '../ids.ts';

/** A new room id for room versions up to 11, which its server chooses. */
export function randomRoomId(serverName: ServerName): RoomId {
  return `!${randomBytes(12).toString('base64url')}:${serverName}` as RoomId;
}

/** The room id that a create event implies since room version 12. */
export function roomIdOfCreate(createEventId: EventId): RoomId {
  return `!${createEventId.slice(1)}` as RoomId;
}
