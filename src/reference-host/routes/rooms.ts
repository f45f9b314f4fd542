import type Router from '@koa/router';
import { z } from 'zod';
import { MatrixError } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, eventIdOf, parameterOf, roomIdOf, userIdOf } from '../request-parameters.ts';
import { redactEvent } from '../rooms/redact-event.ts';
import { sendMessage } from '../rooms/send-message.ts';

const contentSchema = z.record(z.string(), z.unknown());
const redactionSchema = z.object({ reason: z.string().optional() });
const eventReportSchema = z.object({ reason: z.string().optional(), score: z.int().optional() });
const reportSchema = z.object({ reason: z.string().optional() });

/**
 * Adds the routes that send, redact and report events, and the routes that report rooms and users. Source: Client-Server API,
 * "Sending events to a room", "Redactions" and "Reporting Content".
 */
export function addRoomRoutes(router: Router, context: HostContext): void {
  router.put(clientPaths('/rooms/:roomId/send/:eventType/:txnId'), async (ctx: ClientRequest) => {
    const device = await authenticate(ctx, context);
    const message = {
      roomId: roomIdOf(ctx),
      type: parameterOf(ctx, 'eventType'),
      content: bodyOf(ctx, contentSchema),
      transactionId: parameterOf(ctx, 'txnId'),
    };
    ctx.body = { event_id: await sendMessage(context, device, message) };
  });

  router.put(clientPaths('/rooms/:roomId/redact/:eventId/:txnId'), async (ctx: ClientRequest) => {
    const device = await authenticate(ctx, context);
    const eventId = eventIdOf(ctx);
    const { reason } = bodyOf(ctx, redactionSchema);
    const redaction = { roomId: roomIdOf(ctx), eventId, reason, transactionId: parameterOf(ctx, 'txnId') };
    ctx.body = { event_id: await redactEvent(context, device, redaction) };
  });

  router.post(clientPaths('/rooms/:roomId/report/:eventId'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const eventId = eventIdOf(ctx);
    const report = { reporter: userId, roomId: roomIdOf(ctx), eventId, ...bodyOf(ctx, eventReportSchema) };
    await context.admin.operations.reportEvent(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    ctx.body = {};
  });

  router.post('/_matrix/client/v3/rooms/:roomId/report', async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const report = { reporter: userId, roomId: roomIdOf(ctx), ...bodyOf(ctx, reportSchema) };
    await context.admin.operations.reportRoom(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    ctx.body = {};
  });

  router.post('/_matrix/client/v3/users/:userId/report', async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const report = { reporter: userId, userId: userIdOf(ctx), ...bodyOf(ctx, reportSchema) };
    try {
      await context.admin.operations.reportUser(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    } catch (error) {
      // If the reported user does not exist, the answer is the same as for a user who exists, so that nobody can find out who
      // has an account.
      if (!(error instanceof MatrixError && error.errcode === 'M_NOT_FOUND')) throw error;
    }
    ctx.body = {};
  });
}
