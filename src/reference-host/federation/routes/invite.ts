import type Router from '@koa/router';
import { z } from 'zod';
import { isAccount, storeRemoteInvite } from '../../../homeserver/index.ts';
import { isUserId, MatrixError } from '../../../index.ts';
import { roomVersionOf, signEvent, splitUserId } from '../../../matrix/index.ts';
import { bodyOf } from '../../json-body.ts';
import { type FederationContext, isLocal, roomIdOf, type ServerRequest } from '../federation-context.ts';
import { verifyEvent } from '../verify-event.ts';

const object = z.record(z.string(), z.unknown());
const inviteSchema = z.object({
  event: object,
  room_version: z.string(),
  invite_room_state: z.array(object).default([]),
});

/**
 * Adds the route that receives invites of local users. It stores an invite, and answers with the event that this homeserver has
 * signed too. Source: Server-Server API, "Inviting to a room".
 */
export function addInviteRoute(router: Router, context: FederationContext): void {
  const { db, rooms, signingKeys } = context;
  router.put('/_matrix/federation/v2/invite/:roomId/:eventId', async (ctx: ServerRequest) => {
    const roomId = roomIdOf(ctx);
    const { event: received, room_version: id, invite_room_state: shown } = bodyOf(ctx, inviteSchema);
    const version = roomVersionOf(id);
    const {
      eventId,
      event,
      sender,
      stateKey = '',
      type,
      content,
    } = await verifyEvent(context, received, roomId, version);
    const isInvite = type === 'm.room.member' && content.membership === 'invite';
    if (!isInvite || splitUserId(sender).serverName !== ctx.state.origin) {
      throw new MatrixError('M_FORBIDDEN', 'Not an invite of this server');
    }
    if (
      !isUserId(stateKey) ||
      !isLocal(context, splitUserId(stateKey).serverName) ||
      !(await isAccount(db, stateKey))
    ) {
      throw new MatrixError('M_NOT_FOUND', 'The user does not exist on this homeserver');
    }
    const key = signingKeys.find(({ serverName }) => serverName === splitUserId(stateKey).serverName);
    if (key === undefined) throw new Error('a local user has no key');
    const signed = signEvent(event, version, key);
    await db.transaction(async (transaction) => {
      const stored = { ...signed, unsigned: { invite_room_state: shown } };
      const invite = { roomId, version: id, eventId, event: stored, sender, userId: stateKey };
      await storeRemoteInvite(transaction, invite, async () => {
        if ((await rooms.check(roomId, { transaction })) === 'open') return;
        throw new MatrixError('M_FORBIDDEN', 'The room is not open to users of this server');
      });
    });
    ctx.body = { event: signed };
  });
}
