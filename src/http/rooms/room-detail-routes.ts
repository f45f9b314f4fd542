import { defineRoute, flagOf, numberOf, ok, okOf, page, type Route, wireForm } from '../route.ts';

const DENDRITE = '/_dendrite/admin';
const ROOMS = '/_synapse/admin/v1/rooms';
const ROOM = `${ROOMS}/:roomId`;

/** Routes that list rooms, and that show a room, its members and its state. */
export const ROOM_DETAIL_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${DENDRITE}/emptyRooms`,
    operation: 'emptyRooms',
    input: ({ query }) => ({ limit: numberOf(query.limit), from: numberOf(query.from) }),
    respond: ({ rooms, nextToken }) => page({ empty_rooms: rooms }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${DENDRITE}/rooms/:roomId`,
    operation: 'roomInfo',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: ROOMS,
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
        offset: Number(query.from ?? 0),
        rooms: wireForm(rooms),
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
    respond: okOf,
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
];
