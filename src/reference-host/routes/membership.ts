import type Router from '@koa/router';
import { z } from 'zod';
import { isUserId, MatrixError, type RoomId, type UserId } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf, roomIdOf } from '../request-parameters.ts';
import { changeMembership } from '../rooms/change-membership.ts';
import { leaveRoom } from '../rooms/leave-room.ts';
import { resolveRoom } from '../rooms/resolve-room.ts';
import { findMembership, forgetRoom } from '../storage/memberships.ts';

const reasonSchema = z.object({ reason: z.string().optional() });
const targetSchema = reasonSchema.extend({
  user_id: z.custom<UserId>((value) => typeof value === 'string' && isUserId(value), 'not a user id'),
});

/**
 * The changes that a sender can make to the membership of another user. `membership` is the new membership of the other user.
 * `from` lists the memberships that the other user may have before. `undefined` means any membership.
 */
const ACTIONS = [
  { action: 'invite', membership: 'invite', from: undefined },
  { action: 'kick', membership: 'leave', from: ['join', 'invite', 'knock'] },
  { action: 'ban', membership: 'ban', from: undefined },
  { action: 'unban', membership: 'leave', from: ['ban'] },
] as const;

/**
 * Adds the routes for memberships, except joins: invite, kick, ban, unban, leave, forget and knock. Source: Client-Server API,
 * "Room membership".
 */
export function addMembershipRoutes(router: Router, context: HostContext): void {
  const { db, admin } = context;
  for (const { action, membership, from } of ACTIONS) {
    router.post(clientPaths(`/rooms/:roomId/${action}`), async (ctx: ClientRequest) => {
      const { userId: sender } = await authenticate(ctx, context);
      const roomId = roomIdOf(ctx);
      const { user_id: userId, reason } = bodyOf(ctx, targetSchema);
      if (from !== undefined) await requireMembership(roomId, userId, from);
      const content = { membership, ...(reason !== undefined && { reason }) };
      await changeMembership(context, { roomId, sender, userId, content });
      ctx.body = {};
    });
  }
  const requireMembership = async (roomId: RoomId, userId: UserId, allowed: readonly unknown[]): Promise<void> => {
    const current = await findMembership(db, roomId, userId);
    if (!allowed.includes(current?.membership))
      throw new MatrixError('M_FORBIDDEN', 'The membership of the user does not allow this');
  };

  router.post(clientPaths('/rooms/:roomId/leave'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const roomId = roomIdOf(ctx);
    const { reason } = bodyOf(ctx, reasonSchema);
    if (!(await admin.rooms.leaveDeparted(userId, roomId))) await leaveRoom(context, { roomId, userId, reason });
    ctx.body = {};
  });
  router.post(clientPaths('/rooms/:roomId/forget'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const roomId = roomIdOf(ctx);
    if (!(await admin.rooms.leaveDeparted(userId, roomId)) && !(await forgetRoom(db, roomId, userId))) {
      throw new MatrixError('M_UNKNOWN', 'Only rooms that you have left can be forgotten', { status: 400 });
    }
    ctx.body = {};
  });
  router.post(clientPaths('/knock/:roomIdOrAlias'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const roomId = await resolveRoom(context, parameterOf(ctx, 'roomIdOrAlias'));
    const { reason } = bodyOf(ctx, reasonSchema);
    const content = { membership: 'knock', ...(reason !== undefined && { reason }) };
    await changeMembership(context, { roomId, sender: userId, userId, content });
    ctx.body = { room_id: roomId };
  });
}
