import { z } from 'zod';
import type { RoomId } from '../../ids.ts';
import { listEmptyRooms } from '../../storage/roomserver/empty-rooms.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/**
 * Lists rooms in which no local user has joined, is invited or is knocking. An administrator can purge these rooms. A room that
 * the homeserver knows only from an invite is on the list as soon as the invite was rejected or withdrawn. Dendrite's route is
 * `GET /_dendrite/admin/emptyRooms`. Unlike this operation, Dendrite also lists rooms with invited users, and rooms with users
 * of virtual hosts.
 */
export const emptyRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Maximum number of rooms on the page. @defaultValue all rooms */
    limit: z.int().min(1).max(100_000).optional(),
    /** `nextToken` of the previous page. @defaultValue 0 */
    from: z.int().min(0).default(0),
  }),
  run: async (
    { db, localServerNames },
    { limit, from },
  ): Promise<{ rooms: RoomId[]; nextToken: number | undefined }> => {
    const more = limit === undefined ? undefined : limit + 1;
    const found = await listEmptyRooms(db, localServerNames, { after: from, limit: more });
    const rooms = found.slice(0, limit);
    return {
      rooms: rooms.map(({ roomId }) => roomId),
      nextToken: found.length > rooms.length ? rooms.at(-1)?.roomNid : undefined,
    };
  },
});
