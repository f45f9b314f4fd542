import type Router from '@koa/router';
import { z } from 'zod';
import { upsertAccountData } from '../../homeserver/index.ts';
import { type EventId, isEventId, MatrixError, type RoomId, type UserId } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, eventIdOf, parameterOf, roomIdOf } from '../request-parameters.ts';
import { requireJoined } from '../rooms/room-view.ts';
import { upsertReceipt } from '../storage/receipts.ts';

const FULLY_READ = 'm.fully_read';
const RECEIPTS = ['m.read', 'm.read.private'] as const;

const eventId = z
  .custom<EventId>((value) => typeof value === 'string' && isEventId(value), 'not an event id')
  .optional();
const markersSchema = z.object({ [FULLY_READ]: eventId, 'm.read': eventId, 'm.read.private': eventId });
type Markers = z.output<typeof markersSchema>;

/**
 * Adds the routes for receipts, read markers and typing notices. The routes do not distinguish threads, send no receipts to
 * other servers, and ignore typing notices. Source: Client-Server API, "Receipts", "Fully read markers" and "Typing
 * Notifications".
 */
export function addReceiptRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  const member = async (ctx: ClientRequest): Promise<{ roomId: RoomId; userId: UserId }> => {
    const { userId } = await authenticate(ctx, context);
    const roomId = roomIdOf(ctx);
    await requireJoined(db, roomId, userId);
    return { roomId, userId };
  };
  const mark = async ({ roomId, userId }: { roomId: RoomId; userId: UserId }, markers: Markers): Promise<void> => {
    const fullyRead = markers[FULLY_READ];
    await db.transaction(async (transaction) => {
      for (const type of RECEIPTS) {
        const read = markers[type];
        if (read !== undefined) await upsertReceipt(transaction, { roomId, userId, type, eventId: read });
      }
      if (fullyRead === undefined) return;
      const content = { event_id: fullyRead };
      await upsertAccountData(transaction, { userId, roomId, type: FULLY_READ, content });
    });
    await announce(context, { users: [userId], rooms: markers['m.read'] === undefined ? [] : [roomId] });
  };

  router.post(clientPaths('/rooms/:roomId/receipt/:type/:eventId'), async (ctx: ClientRequest) => {
    const type = parameterOf(ctx, 'type');
    if (type !== FULLY_READ && !RECEIPTS.some((known) => known === type)) {
      throw new MatrixError('M_INVALID_PARAM', 'There is no such type of receipt');
    }
    await mark(await member(ctx), { [type]: eventIdOf(ctx) });
    ctx.body = {};
  });
  router.post(clientPaths('/rooms/:roomId/read_markers'), async (ctx: ClientRequest) => {
    await mark(await member(ctx), bodyOf(ctx, markersSchema));
    ctx.body = {};
  });
  // The route accepts typing notices, and ignores them. Clients must expect that a typing notice gets lost.
  router.put(clientPaths('/rooms/:roomId/typing/:userId'), async (ctx: ClientRequest) => {
    const { userId } = await member(ctx);
    if (parameterOf(ctx, 'userId') !== userId)
      throw new MatrixError('M_FORBIDDEN', 'The path has the id of another user');
    ctx.body = {};
  });
}
