import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { readRoomSummaries } from '../../storage/roomserver/room-summaries.ts';
import { readNamedState, textOf } from '../../storage/syncapi/named-state.ts';
import type { SpaceChildEvent } from '../../storage/syncapi/space-children.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from './room-id-input.ts';
import { readChildren, walkSpace } from './space-tree.ts';

/** Maximum number of rooms on a page, as in Synapse. */
const MAX_ROOMS = 50;

/** A room of a hierarchy. A field that has no value is absent. */
export interface HierarchyRoom {
  readonly roomId: RoomId;
  readonly roomVersion: string;
  readonly name?: string;
  readonly topic?: string;
  readonly canonicalAlias?: string;
  readonly avatarUrl?: string;
  readonly numJoinedMembers: number;
  readonly worldReadable: boolean;
  readonly guestCanJoin: boolean;
  readonly joinRule?: string;
  /** Ids of the rooms in the `allow` list of the join rules. Members of these rooms may join this room. */
  readonly allowedRoomIds?: readonly string[];
  readonly roomType?: string;
  readonly encryption?: string;
  /** The `m.space.child` events of a space, reduced to stripped state. */
  readonly childrenState: readonly EventJson[];
}

/**
 * Lists a space and those rooms below it that the homeserver knows, page by page. If the space has changed since the previous
 * page, a page may skip or repeat a room. Synapse's route is `GET /_synapse/admin/v1/rooms/{roomId}/hierarchy`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const getRoomHierarchy = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The space. For a room that is not a space, the list contains only this room. */
    roomId: roomIdInput,
    /** `nextBatch` of the previous page, or the number of rooms to skip. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** Maximum number of rooms on the page. Values above 50 count as 50. @defaultValue 50 */
    limit: z.int().min(1).default(MAX_ROOMS),
    /** Number of levels below the space to list. 0 lists only the space itself. @defaultValue all levels */
    maxDepth: z.int().min(0).optional(),
  }),
  run: async (
    { db, localServerNames },
    { roomId, from, limit, maxDepth = Number.POSITIVE_INFINITY },
  ): Promise<{ rooms: HierarchyRoom[]; nextBatch: number | undefined }> => {
    const all = await walkSpace(db, roomId, maxDepth);
    if (all.length === 0) throw new MatrixError('M_NOT_FOUND', 'Room not found');
    const end = from + Math.min(limit, MAX_ROOMS);
    const page = all.slice(from, end);
    const summaries = await readRoomSummaries(db, page, localServerNames);
    const states = await readNamedState(db, page, ['m.room.avatar', 'm.room.topic', 'm.room.join_rules']);
    const children = await readChildren(db, page);
    const rooms = summaries.map((room): HierarchyRoom => {
      const state = states.get(room.roomId);
      return {
        roomId: room.roomId,
        roomVersion: room.version,
        numJoinedMembers: room.joinedMembers,
        worldReadable: room.historyVisibility === 'world_readable',
        guestCanJoin: room.guestAccess === 'can_join',
        ...given({
          name: room.name,
          topic: textOf(state?.get('m.room.topic'), 'topic'),
          canonicalAlias: room.canonicalAlias,
          avatarUrl: textOf(state?.get('m.room.avatar'), 'url'),
          joinRule: room.joinRules,
          roomType: room.roomType,
          encryption: room.encryption,
        }),
        ...allowedRooms(state?.get('m.room.join_rules')?.content.allow),
        childrenState: (children.get(room.roomId) ?? []).map(strippedChild),
      };
    });
    return { rooms, nextBatch: end < all.length ? end : undefined };
  },
});

/** Returns the entries whose value is not `null`. */
function given<Key extends string>(entries: Readonly<Record<Key, string | null>>): { readonly [K in Key]?: string } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== null)) as { [K in Key]?: string };
}

function allowedRooms(allow: unknown): { readonly allowedRoomIds?: readonly string[] } {
  if (!Array.isArray(allow)) return {};
  const ids = allow.flatMap((entry: unknown) =>
    isRecord(entry) && entry.type === 'm.room_membership' && typeof entry.room_id === 'string' ? [entry.room_id] : [],
  );
  return { allowedRoomIds: ids };
}

/**
 * Reduces an event to the fields of stripped state and `origin_server_ts`. Clients need `origin_server_ts` to sort children.
 * Source: Client-Server API, "Stripped state".
 */
function strippedChild({ event: { type, state_key, sender, content, origin_server_ts } }: SpaceChildEvent): EventJson {
  return { type, state_key, sender, content, origin_server_ts };
}
