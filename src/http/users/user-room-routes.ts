import { defineRoute, ok, okOf, type Route } from '../route.ts';

const USER = '/_synapse/admin/v1/users/:userId';

/** Routes that make a user leave all rooms, and that list the user's rooms. */
export const USER_ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/evacuateUser/:userId',
    operation: 'evacuateUser',
    input: ({ params, body }) => ({ userId: params.userId, dryRun: body.dry_run }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/joined_rooms`,
    operation: 'listJoinedRooms',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (rooms) => ok({ joined_rooms: rooms, total: rooms.length }),
  }),
  defineRoute({
    method: 'GET',
    path: `${USER}/memberships`,
    operation: 'listMemberships',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (rooms) =>
      ok({ memberships: Object.fromEntries(rooms.map(({ roomId, membership }) => [roomId, membership])) }),
  }),
];
