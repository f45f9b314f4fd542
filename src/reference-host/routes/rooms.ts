import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isEventId, isRoomId, isUserId, type RoomId } from '../../ids.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { redactEvent } from '../rooms/redact-event.ts';
import { sendMessage } from '../rooms/send-message.ts';

type RoomContext = Context & { params: Readonly<Record<string, string>> };

const ROOM_PATHS = ['/_matrix/client/r0/rooms/:roomId', '/_matrix/client/v3/rooms/:roomId'];
const MAX_PARAMETER_BYTES = 255;

const contentSchema = z.record(z.string(), z.unknown());
const redactionSchema = z.object({ reason: z.string().optional() });
const eventReportSchema = z.object({ reason: z.string().optional(), score: z.int().optional() });
const reportSchema = z.object({ reason: z.string().optional() });

/** Sending, redacting and reporting. Client-Server API, "Sending events to a room", "Redactions" and "Reporting Content". */
export function addRoomRoutes(router: Router, context: HostContext): void {
  const sendPaths = ROOM_PATHS.map((path) => `${path}/send/:eventType/:txnId`);
  router.put(sendPaths, async (ctx: RoomContext) => {
    const device = await authenticate(ctx, context);
    const message = {
      roomId: roomIdOf(ctx),
      type: parameterOf(ctx, 'eventType'),
      content: bodyOf(ctx, contentSchema),
      transactionId: parameterOf(ctx, 'txnId'),
    };
    ctx.body = { event_id: await sendMessage(context, device, message) };
  });

  const redactPaths = ROOM_PATHS.map((path) => `${path}/redact/:eventId/:txnId`);
  router.put(redactPaths, async (ctx: RoomContext) => {
    const device = await authenticate(ctx, context);
    const eventId = parameterOf(ctx, 'eventId');
    if (!isEventId(eventId)) throw new MatrixError('M_INVALID_PARAM', 'not an event id');
    const { reason } = bodyOf(ctx, redactionSchema);
    const redaction = { roomId: roomIdOf(ctx), eventId, reason, transactionId: parameterOf(ctx, 'txnId') };
    ctx.body = { event_id: await redactEvent(context, device, redaction) };
  });

  const reportPaths = ROOM_PATHS.map((path) => `${path}/report/:eventId`);
  router.post(reportPaths, async (ctx: RoomContext) => {
    const { userId } = await authenticate(ctx, context);
    const eventId = parameterOf(ctx, 'eventId');
    if (!isEventId(eventId)) throw new MatrixError('M_INVALID_PARAM', 'not an event id');
    const report = { reporter: userId, roomId: roomIdOf(ctx), eventId, ...bodyOf(ctx, eventReportSchema) };
    await context.admin.operations.reportEvent(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    ctx.body = {};
  });

  router.post('/_matrix/client/v3/rooms/:roomId/report', async (ctx: RoomContext) => {
    const { userId } = await authenticate(ctx, context);
    const report = { reporter: userId, roomId: roomIdOf(ctx), ...bodyOf(ctx, reportSchema) };
    await context.admin.operations.reportRoom(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    ctx.body = {};
  });

  router.post('/_matrix/client/v3/users/:userId/report', async (ctx: RoomContext) => {
    const { userId } = await authenticate(ctx, context);
    const reported = parameterOf(ctx, 'userId');
    if (!isUserId(reported)) throw new MatrixError('M_INVALID_PARAM', 'not a user id');
    const report = { reporter: userId, userId: reported, ...bodyOf(ctx, reportSchema) };
    try {
      await context.admin.operations.reportUser(report, { actor: { kind: 'user', userId }, address: ctx.ip });
    } catch (error) {
      // Nobody learns from a report who has an account.
      if (!(error instanceof MatrixError && error.errcode === 'M_NOT_FOUND')) throw error;
    }
    ctx.body = {};
  });
}

/** A path parameter. PostgreSQL can store it. */
function parameterOf(ctx: RoomContext, name: string): string {
  const value = ctx.params[name] ?? '';
  const fits = Buffer.byteLength(value) <= MAX_PARAMETER_BYTES && !value.includes('\0') && value.isWellFormed();
  if (!fits) throw new MatrixError('M_INVALID_PARAM', `${name} is too long, or has characters that are not allowed`);
  return value;
}

function roomIdOf(ctx: RoomContext): RoomId {
  const roomId = parameterOf(ctx, 'roomId');
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'not a room id');
  return roomId;
}
