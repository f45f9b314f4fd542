import type { RoomId, ServerName } from '../../ids.ts';
import { type MediaKey, mediaOfEvent, mediaUri } from '../../matrix/media-uris.ts';
import type { Db } from '../../storage/database.ts';
import { EVENTS, readNamings } from '../../storage/media-names.ts';
import { findRoom } from '../../storage/roomserver/rooms.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';

/**
 * Lists the media that the events of a room use, except encrypted events. Reads all events of the room. The list is empty for
 * an unknown room.
 */
export async function findMediaOfRoom(
  { db, signal }: { readonly db: Db; readonly signal: AbortSignal },
  roomId: RoomId,
): Promise<readonly MediaKey[]> {
  const room = await findRoom(db, roomId);
  if (room === undefined) return [];
  const found = new Map<string, MediaKey>();
  for await (const namings of readNamings(() => db, EVENTS, { needle: 'mxc:', onlyRoom: room.roomNid }, signal)) {
    for (const { text } of namings) for (const key of mediaOfEvent(text)) found.set(mediaUri(key), key);
  }
  return [...found.values()];
}

/**
 * Lists the media that the events of a room use: files, pictures, stickers, their thumbnails, and avatars. Leaves out media of
 * encrypted events, because the homeserver cannot read these events. Each call reads all events of the room. The lists are
 * empty for an unknown room. Synapse's route is `GET /_synapse/admin/v1/room/{roomId}/media`.
 */
export const listRoomMedia = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async (scope, { roomId }): Promise<{ local: string[]; remote: string[]; total: number }> => {
    const keys = await findMediaOfRoom(scope, roomId);
    const isLocal = ({ origin }: { readonly origin: ServerName }): boolean => scope.localServerNames.includes(origin);
    return {
      local: keys.filter(isLocal).map(mediaUri),
      remote: keys.filter((key) => !isLocal(key)).map(mediaUri),
      total: keys.length,
    };
  },
});
