import { defineRoute, numberOf, okOf, page, type Route, wireForm } from '../route.ts';

const ABANDONED = '/_dendrite/admin/abandonedRooms';

/** Routes that list and purge abandoned rooms, which have no local users. */
export const ABANDONED_ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: ABANDONED,
    operation: 'listAbandonedRooms',
    input: ({ query }) => ({ limit: numberOf(query.limit), from: numberOf(query.from) }),
    respond: ({ rooms, nextToken }) => page({ rooms: wireForm(rooms) }, nextToken),
  }),
  defineRoute({
    method: 'POST',
    path: `${ABANDONED}/purge`,
    operation: 'purgeAbandonedRooms',
    input: ({ body }) => ({ dryRun: body.dry_run }),
    respond: okOf,
  }),
];
