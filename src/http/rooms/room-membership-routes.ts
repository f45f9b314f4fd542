import { defineRoute, numberOf, ok, okOf, type Route, wireForm } from '../route.ts';

const DENDRITE = '/_dendrite/admin';
const ADMIN = '/_synapse/admin/v1';
const ROOM = `${ADMIN}/rooms/:roomId`;
const EXTREMITIES = `${ROOM}/forward_extremities`;

/**
 * Routes that show the rooms of a space, show and merge forward extremities, make a user join a room or become its
 * administrator, and put a room into the room directory or take it out.
 */
export const ROOM_MEMBERSHIP_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ROOM}/hierarchy`,
    operation: 'getRoomHierarchy',
    input: ({ params, query }) => ({
      roomId: params.roomId,
      from: numberOf(query.from),
      limit: numberOf(query.limit),
      maxDepth: numberOf(query.max_depth),
    }),
    // The keys in `children_state` belong to events, so `wireForm()` must not change them.
    respond: ({ rooms, nextBatch }) =>
      ok({
        rooms: rooms.map(({ childrenState, ...room }) =>
          Object.assign({ children_state: childrenState }, wireForm(room)),
        ),
        ...(nextBatch !== undefined && { next_batch: String(nextBatch) }),
      }),
  }),
  defineRoute({
    method: 'GET',
    path: EXTREMITIES,
    operation: 'listForwardExtremities',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: ({ total, extremities }) =>
      ok({
        count: total,
        results: extremities.map(({ eventId, stateSnapshotNid, depth }) => ({
          event_id: eventId,
          state_group: stateSnapshotNid,
          depth,
          // Dendrite does not store when it received an event.
          received_ts: null,
        })),
      }),
  }),
  defineRoute({
    method: 'DELETE',
    path: EXTREMITIES,
    operation: 'mergeForwardExtremities',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: ok,
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/join/:roomId`,
    operation: 'joinRoom',
    input: ({ params, body }) => ({ roomId: params.roomId, userId: body.user_id }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${ROOM}/make_room_admin`,
    operation: 'makeRoomAdmin',
    input: ({ params, body }) => ({ roomId: params.roomId, userId: body.user_id }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'PUT',
    path: `${DENDRITE}/rooms/:roomId/published`,
    operation: 'setRoomPublished',
    input: ({ params, body }) => ({ roomId: params.roomId, published: body.published }),
    respond: ok,
  }),
];
