import type Router from '@koa/router';
import { z } from 'zod';
import { errorFields } from '../../../homeserver/index.ts';
import { type EventId, isRoomId, MatrixError } from '../../../index.ts';
import { type EventJson, eventIdOf, roomVersionOf } from '../../../matrix/index.ts';
import { bodyOf } from '../../json-body.ts';
import { requireRoom } from '../event-template.ts';
import type { FederationContext, ServerRequest } from '../federation-context.ts';
import { receive } from '../receive.ts';

const objects = z.array(z.record(z.string(), z.unknown()));
const transactionSchema = z.object({ origin: z.string(), pdus: objects.max(50), edus: objects.max(100).default([]) });

/**
 * Adds the route that receives transactions. The route writes each event separately, so a refused event does not affect the
 * other events. The route ignores EDUs, because this homeserver handles no typing notices, receipts or to-device messages of
 * other servers. Source: Server-Server API, "Transactions".
 */
export function addTransactionRoute(router: Router, context: FederationContext): void {
  router.put('/_matrix/federation/v1/send/:txnId', async (ctx: ServerRequest) => {
    const { origin, pdus } = bodyOf(ctx, transactionSchema);
    if (origin !== ctx.state.origin) throw new MatrixError('M_FORBIDDEN', 'The transaction belongs to another server');
    const results: [EventId, { error?: string }][] = [];
    for (const pdu of pdus) results.push(...(await receiveOne(context, ctx.state.origin, pdu)));
    ctx.body = { pdus: Object.fromEntries(results) };
  });
}

/**
 * Receives one event. Returns the event's id and the result, which has the field `error` if the event was refused. Returns an
 * empty list if the id is unknown. To compute the id, the homeserver must know the room and its version.
 */
async function receiveOne(
  context: FederationContext,
  origin: string,
  pdu: EventJson,
): Promise<[EventId, { error?: string }][]> {
  let eventId: EventId | undefined;
  try {
    const { room_id: roomId } = pdu;
    if (typeof roomId !== 'string' || !isRoomId(roomId))
      throw new MatrixError('M_BAD_JSON', 'the event has no room_id');
    const { version } = await requireRoom(context.db, roomId);
    eventId = eventIdOf(pdu, roomVersionOf(version));
    await receive(context, pdu);
    return [[eventId, {}]];
  } catch (error) {
    const isRefusal = error instanceof MatrixError;
    const fields = { origin, eventId, ...(isRefusal ? { reason: error.message } : errorFields(error)) };
    context.logger[isRefusal ? 'info' : 'error'](fields, 'An event of another server was refused');
    return eventId === undefined ? [] : [[eventId, { error: isRefusal ? error.message : 'Internal server error' }]];
  }
}
