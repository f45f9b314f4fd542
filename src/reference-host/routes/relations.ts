import type Router from '@koa/router';
import { streamPositionOf, tokenAfter, tokenBefore } from '../../homeserver/index.ts';
import { MatrixError } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { type ClientRequest, eventIdOf, limitOf, parameterOf, queryOf, roomIdOf } from '../request-parameters.ts';
import { keepVisible, viewRoom } from '../rooms/room-view.ts';
import { clientEventOf } from '../storage/client-events.ts';
import { readRelatedEvents } from '../storage/related-events.ts';

const PATH = '/_matrix/client/v1/rooms/:roomId/relations/:eventId';
const PATHS = [PATH, `${PATH}/:relType`, `${PATH}/:relType/:type`];
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

/**
 * Adds the routes that list the events that relate to an event, such as reactions. They leave out events that the user may not
 * see. Source: Client-Server API, "Relationships API".
 */
export function addRelationsRoute(router: Router, context: HostContext): void {
  const { db } = context;
  router.get(PATHS, async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const view = await viewRoom(db, roomIdOf(ctx), userId);
    const related = await readRelatedEvents(db, view.roomId, {
      eventId: eventIdOf(ctx),
      relType: parameterOf(ctx, 'relType') || undefined,
      type: parameterOf(ctx, 'type') || undefined,
    });
    const isForwards = queryOf(ctx, 'dir') === 'f';
    const visible = await keepVisible(db, view, related);
    const from = queryOf(ctx, 'from');
    const position = from === undefined ? undefined : streamPositionOf(from);
    if (from !== undefined && position === undefined) throw new MatrixError('M_INVALID_PARAM', 'from is not a token');
    const rest = (isForwards ? visible.toReversed() : visible).filter(
      ({ streamPosition }) =>
        position === undefined || (isForwards ? streamPosition > position : streamPosition <= position),
    );
    const page = rest.slice(0, Math.max(1, limitOf(ctx, DEFAULT_LIMIT, MAX_LIMIT)));
    const last = page.at(-1);
    ctx.body = {
      chunk: page.map(({ eventId, event }) => clientEventOf(event, { eventId, roomId: view.roomId })),
      ...(last !== undefined &&
        page.length < rest.length && { next_batch: (isForwards ? tokenAfter : tokenBefore)(last) }),
    };
  });
}
