import type Router from '@koa/router';
import { z } from 'zod';
import {
  findPlacedEvent,
  listTimeline,
  type PlacedEvent,
  readStateAt,
  streamPositionOf,
  type TimelinePage,
  tokenAfter,
  tokenBefore,
} from '../../homeserver/index.ts';
import { type EventId, MatrixError } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { type ClientRequest, clientPaths, eventIdOf, limitOf, queryOf, roomIdOf } from '../request-parameters.ts';
import { keepVisible, type RoomView, viewRoom } from '../rooms/room-view.ts';
import { storableText } from '../storable-text.ts';
import { clientEventOf } from '../storage/client-events.ts';

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 1_000;

const names = z.array(storableText(255)).max(100).optional();
const filterSchema = z.object({ types: names, not_types: names, senders: names, not_senders: names });
type Filter = z.output<typeof filterSchema>;

/**
 * Adds the routes for the history of a room: a page of events (`/messages`), one event (`/event`), and an event with the events
 * around it (`/context`). Of a filter, `/messages` uses the types and the senders. `/context` ignores its filter. Source:
 * Client-Server API, "Getting events for a room".
 */
export function addRoomHistoryRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  const open = async (ctx: ClientRequest): Promise<RoomView> => {
    const { userId } = await authenticate(ctx, context);
    return viewRoom(db, roomIdOf(ctx), userId);
  };
  const show = ({ roomId }: RoomView, { eventId, event }: Pick<PlacedEvent, 'event' | 'eventId'>): unknown =>
    clientEventOf(event, { eventId, roomId });
  const find = async (view: RoomView, eventId: EventId): Promise<PlacedEvent> => {
    const found = await findPlacedEvent(db, view.roomId, eventId);
    const [visible] = found === undefined ? [] : await keepVisible(db, view, [found]);
    if (visible === undefined) throw new MatrixError('M_NOT_FOUND', 'Event not found');
    return visible;
  };
  const list = async (view: RoomView, page: TimelinePage): Promise<PlacedEvent[]> =>
    keepVisible(db, view, (await listTimeline(db, view.roomId, page)).events);

  router.get(clientPaths('/rooms/:roomId/messages'), async (ctx: ClientRequest) => {
    const view = await open(ctx);
    const direction = queryOf(ctx, 'dir') ?? 'f';
    if (direction !== 'f' && direction !== 'b') throw new MatrixError('M_INVALID_PARAM', 'dir is neither f nor b');
    const [from, to] = [queryOf(ctx, 'from'), queryOf(ctx, 'to')];
    const [near, far] = [positionOf('from', from), positionOf('to', to)];
    const [after, upTo] = direction === 'b' ? [far, near] : [near, far];
    const { types, not_types: notTypes, senders, not_senders: notSenders } = filterOf(ctx);
    const limit = Math.max(1, limitOf(ctx, DEFAULT_LIMIT, MAX_LIMIT));
    const { events, lookedUpTo } = await listTimeline(db, view.roomId, {
      direction,
      after,
      upTo,
      limit,
      filter: { types, notTypes, senders, notSenders },
    });
    const last = events.at(-1);
    const beyond = direction === 'b' ? tokenBefore : tokenAfter;
    const end = lookedUpTo === undefined ? last && beyond(last) : `s${direction === 'b' ? lookedUpTo - 1 : lookedUpTo}`;
    ctx.body = {
      chunk: (await keepVisible(db, view, events)).map((event) => show(view, event)),
      start: from ?? (direction === 'b' && events[0] !== undefined ? tokenAfter(events[0]) : 't0_0'),
      ...(end !== undefined && { end }),
      state: [],
    };
  });

  router.get(clientPaths('/rooms/:roomId/event/:eventId'), async (ctx: ClientRequest) => {
    const view = await open(ctx);
    ctx.body = show(view, await find(view, eventIdOf(ctx)));
  });

  router.get(clientPaths('/rooms/:roomId/context/:eventId'), async (ctx: ClientRequest) => {
    const view = await open(ctx);
    const event = await find(view, eventIdOf(ctx));
    const limit = limitOf(ctx, DEFAULT_LIMIT, MAX_LIMIT);
    const half = Math.floor(limit / 2);
    const { streamPosition: position } = event;
    const before = await list(view, { direction: 'b', upTo: position - 1, limit: half });
    const after = await list(view, { direction: 'f', after: position, limit: limit - half });
    const last = after.at(-1) ?? event;
    ctx.body = {
      event: show(view, event),
      events_before: before.map((neighbour) => show(view, neighbour)),
      events_after: after.map((neighbour) => show(view, neighbour)),
      state: (await readStateAt(db, last.eventId, {})).map((entry) => show(view, entry)),
      start: tokenBefore(before.at(-1) ?? event),
      end: tokenAfter(last),
    };
  });
}

function positionOf(name: string, token: string | undefined): number | undefined {
  const position = token === undefined ? undefined : streamPositionOf(token);
  if (token !== undefined && position === undefined) throw new MatrixError('M_INVALID_PARAM', `${name} is not a token`);
  return position;
}

function filterOf(ctx: ClientRequest): Filter {
  const text = queryOf(ctx, 'filter');
  if (text === undefined) return {};
  try {
    return filterSchema.parse(JSON.parse(text));
  } catch {
    throw new MatrixError('M_INVALID_PARAM', 'filter is not a filter of room events');
  }
}
