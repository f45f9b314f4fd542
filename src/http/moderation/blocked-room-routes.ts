import type { BlockedRoom } from '../../storage/plugin/blocked-rooms.ts';
import { defineRoute, numberOf, ok, okOf, page, type Route } from '../route.ts';

const BLOCKED = '/_dendrite/admin/blockedRooms';
const BLOCK = '/_synapse/admin/v1/rooms/:roomId/block';

const blockedRoomBody = ({ roomId, reason, blockedBy, blockedAt }: BlockedRoom) => ({
  room_id: roomId,
  reason: reason ?? null,
  blocked_by: blockedBy,
  blocked_ts: blockedAt,
});

/** Routes that block and unblock rooms, and that show which rooms are blocked: the plugin's own routes, and Synapse's. */
export const BLOCKED_ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: BLOCKED,
    operation: 'listBlockedRooms',
    input: ({ query }) => ({ limit: numberOf(query.limit), from: query.from }),
    respond: ({ rooms, nextToken }) => page({ blocked_rooms: rooms.map(blockedRoomBody) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${BLOCKED}/:roomId`,
    operation: 'getBlockedRoom',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (room) => ok(blockedRoomBody(room)),
  }),
  defineRoute({
    method: 'PUT',
    path: `${BLOCKED}/:roomId`,
    operation: 'blockRoom',
    input: ({ params, body }) => ({ roomId: params.roomId, reason: body.reason }),
    respond: (room) => ok(blockedRoomBody(room)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${BLOCKED}/:roomId`,
    operation: 'unblockRoom',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'GET',
    path: BLOCK,
    operation: 'getRoomBlocked',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (room) => ok(room === undefined ? { block: false } : { block: true, user_id: room.blockedBy }),
  }),
  defineRoute({
    method: 'PUT',
    path: BLOCK,
    operation: 'setRoomBlocked',
    input: ({ params, body }) => ({ roomId: params.roomId, block: body.block }),
    respond: okOf,
  }),
];
