import type Router from '@koa/router';
import { z } from 'zod';
import { MatrixError, type RoomId } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { readClientEvents } from '../storage/client-events.ts';
import { joinedRooms } from '../storage/rooms.ts';

const PATHS = ['/_matrix/client/r0/search', '/_matrix/client/v3/search'];
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;

const roomEventsSchema = z.object({
  search_term: z.string().min(1),
  keys: z.array(z.enum(['content.body', 'content.name', 'content.topic'])).optional(),
  order_by: z.enum(['rank', 'recent']).default('rank'),
  filter: z.object({ rooms: z.array(z.string()).optional(), limit: z.int().nonnegative().optional() }).default({}),
});
const searchSchema = z.object({
  search_categories: z.object({ room_events: roomEventsSchema.optional() }),
});

type Criteria = z.output<typeof roomEventsSchema>;

interface RoomEventResults {
  readonly count: number;
  readonly results: readonly { readonly rank: number; readonly result: unknown }[];
  readonly highlights: readonly string[];
  readonly next_batch?: string;
}

/**
 * Adds the route for full-text search in the rooms that the caller has joined. Of the filter, the route uses `rooms` and
 * `limit`. It ignores other filters, grouping and context. Source: Client-Server API, "Server Side Search".
 */
export function addSearchRoute(router: Router, context: HostContext): void {
  router.post(PATHS, async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    if (!context.admin.search.enabled) {
      throw new MatrixError('M_UNKNOWN', 'Search has been disabled by the server administrator.', { status: 501 });
    }
    const { room_events: criteria } = bodyOf(ctx, searchSchema).search_categories;
    if (criteria === undefined) {
      ctx.body = { search_categories: {} };
      return;
    }
    const [after] = [ctx.query.next_batch].flat();
    const joined = await joinedRooms(context.db, userId);
    const wanted = criteria.filter.rooms;
    const rooms = wanted === undefined ? joined : joined.filter((roomId) => wanted.includes(roomId));
    ctx.body = { search_categories: { room_events: await searchRooms(context, rooms, criteria, after || undefined) } };
  });
}

async function searchRooms(
  { admin, db }: HostContext,
  rooms: readonly RoomId[],
  { search_term: term, keys, order_by: order, filter }: Criteria,
  after: string | undefined,
): Promise<RoomEventResults> {
  if (rooms.length === 0) return { count: 0, results: [], highlights: [] };
  const page = await admin.search.search({
    term,
    rooms,
    order,
    limit: Math.min(filter.limit || DEFAULT_LIMIT, MAX_LIMIT),
    ...(keys !== undefined && { keys }),
    ...(after !== undefined && { after }),
  });
  const events = await readClientEvents(
    db,
    page.hits.map(({ eventId }) => eventId),
    rooms,
  );
  return {
    count: page.count,
    results: page.hits.flatMap(({ eventId, rank }) => {
      const result = events.get(eventId);
      return result === undefined ? [] : [{ rank, result }];
    }),
    highlights: page.highlights,
    ...(page.next !== undefined && { next_batch: page.next }),
  };
}
