import type { MediaOfUser } from '../../storage/mediaapi/media-of-users.ts';
import { defineRoute, numberOf, ok, okOf, type Route, timeOf } from '../route.ts';

const STATISTICS = '/_synapse/admin/v1/statistics';

const mediaBody = (user: MediaOfUser) => ({
  user_id: user.userId,
  displayname: user.displayName,
  media_count: user.mediaCount,
  media_length: user.mediaLength,
});

/** Synapse's routes for statistics: how many media each user has, and which rooms are the largest in the database. */
export const STATISTICS_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${STATISTICS}/users/media`,
    operation: 'listMediaOfUsers',
    names: { direction: 'dir' },
    input: ({ query }) => ({
      orderBy: query.order_by,
      direction: query.dir,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
      searchTerm: query.search_term,
      fromTs: timeOf(query.from_ts),
      untilTs: timeOf(query.until_ts),
    }),
    respond: ({ users, total, nextToken }) =>
      ok({ users: users.map(mediaBody), total, ...(nextToken !== undefined && { next_token: nextToken }) }),
  }),
  defineRoute({
    method: 'GET',
    path: `${STATISTICS}/database/rooms`,
    operation: 'largestRooms',
    input: () => ({}),
    respond: okOf,
  }),
];
