import { defineRoute, jsonOf, numberOf, ok, okOf, type Route } from '../route.ts';

const ADMIN = '/_synapse/admin/v1';
const ROOM = `${ADMIN}/rooms/:roomId`;

/**
 * Routes that show the events of rooms. `*eventId` also matches slashes, because event ids of room version 3 may contain
 * slashes, and some clients do not encode these slashes.
 */
export const ROOM_TIMELINE_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ROOM}/context/*eventId`,
    operation: 'getEventContext',
    input: ({ params, query }) => ({
      roomId: params.roomId,
      eventId: params.eventId,
      limit: numberOf(query.limit),
      filter: jsonOf('filter', query.filter),
    }),
    respond: ({ eventsBefore, eventsAfter, ...context }) =>
      ok({ ...context, events_before: eventsBefore, events_after: eventsAfter }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/messages`,
    operation: 'listRoomMessages',
    names: { direction: 'dir' },
    input: ({ params, query }) => ({
      roomId: params.roomId,
      from: query.from || undefined,
      to: query.to || undefined,
      direction: query.dir || undefined,
      limit: numberOf(query.limit),
      filter: jsonOf('filter', query.filter),
    }),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM}/timestamp_to_event`,
    operation: 'findEventByTime',
    names: { time: 'ts', direction: 'dir' },
    input: ({ params, query }) => ({
      roomId: params.roomId,
      time: numberOf(query.ts),
      direction: query.dir || undefined,
    }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/fetch_event/*eventId`,
    operation: 'fetchEvent',
    input: ({ params }) => ({ eventId: params.eventId }),
    respond: (event) => ok({ event }),
  }),
];
