import { MatrixError } from '../errors.ts';
import type { Actor } from '../operations/actor.ts';
import { defineRoute, flagOf, numberOf, ok, type Route } from './route.ts';

const ADMIN = '/_synapse/admin/v1';
const ROOM = `${ADMIN}/rooms/:roomId`;
const ANYBODY: Actor = { kind: 'system', name: 'server-version' };

function jsonOf(filter: string): unknown {
  try {
    return JSON.parse(filter);
  } catch {
    throw new MatrixError('M_NOT_JSON', 'Query parameter filter must be a valid JSON object');
  }
}

/** Routes of Synapse's admin API that look at rooms and block them. */
export const SYNAPSE_ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/server_version`,
    operation: 'serverVersion',
    openTo: ANYBODY,
    input: () => ({}),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/rooms`,
    operation: 'listRooms',
    names: { direction: 'dir' },
    input: ({ query }) => ({
      from: numberOf(query.from),
      limit: numberOf(query.limit),
      orderBy: query.order_by,
      direction: query.dir,
      searchTerm: query.search_term,
      publicRooms: flagOf('public_rooms', query.public_rooms),
      emptyRooms: flagOf('empty_rooms', query.empty_rooms),
    }),
    respond: ({ rooms, total, nextBatch, prevBatch }, { query }) =>
      ok({
        offset: numberOf(query.from) ?? 0,
        rooms,
        total_rooms: total,
        ...(nextBatch !== undefined && { next_batch: nextBatch }),
        ...(prevBatch !== undefined && { prev_batch: prevBatch }),
      }),
  }),
  defineRoute({
    method: 'GET',
    path: ROOM,
    operation: 'getRoom',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/members`,
    operation: 'listRoomMembers',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (members) => ok({ members, total: members.length }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/state`,
    operation: 'getRoomState',
    input: ({ params, query }) => ({ roomId: params.roomId, type: query.type || undefined }),
    respond: (state) => ok({ state }),
  }),
  defineRoute({
    method: 'GET',
    // Event ids of room version 3 have slashes, which clients do not always encode.
    path: `${ROOM}/context/*eventId`,
    operation: 'getEventContext',
    input: ({ params, query }) => ({
      roomId: params.roomId,
      eventId: params.eventId,
      limit: numberOf(query.limit),
      filter: query.filter === undefined ? undefined : jsonOf(query.filter),
    }),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/block`,
    operation: 'getRoomBlocked',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (room) => ok(room === undefined ? { block: false } : { block: true, user_id: room.blockedBy }),
  }),
  defineRoute({
    method: 'PUT',
    path: `${ROOM}/block`,
    operation: 'setRoomBlocked',
    input: ({ params, body }) => ({ roomId: params.roomId, block: body.block }),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/users/:userId/joined_rooms`,
    operation: 'listJoinedRooms',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (rooms) => ok({ joined_rooms: rooms, total: rooms.length }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/users/:userId/memberships`,
    operation: 'listMemberships',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (rooms) =>
      ok({ memberships: Object.fromEntries(rooms.map(({ roomId, membership }) => [roomId, membership])) }),
  }),
];
