import type Router from '@koa/router';
import { z } from 'zod';
import { MatrixError } from '../../../index.ts';
import { type CheckedEvent, splitUserId } from '../../../matrix/index.ts';
import { bodyOf } from '../../json-body.ts';
import { findSnapshotBefore, readStateView } from '../../storage/room-views.ts';
import { memberTemplate, requireRoom } from '../event-template.ts';
import { type FederationContext, roomIdOf, type ServerRequest, userIdOf } from '../federation-context.ts';
import { receive } from '../receive.ts';

const eventSchema = z.looseObject({ type: z.literal('m.room.member'), sender: z.string(), state_key: z.string() });

/**
 * Adds the routes with which users of other servers join and leave. Source: Server-Server API, "Joining Rooms" and "Leaving
 * Rooms (Rejecting Invites)".
 */
export function addMembershipRoutes(router: Router, context: FederationContext): void {
  const { db, serverName, rooms } = context;

  const make = (membership: 'join' | 'leave'): void => {
    router.get(`/_matrix/federation/v1/make_${membership}/:roomId/:userId`, async (ctx: ServerRequest) => {
      const [roomId, userId] = [roomIdOf(ctx), userIdOf(ctx)];
      if (splitUserId(userId).serverName !== ctx.state.origin) {
        throw new MatrixError('M_FORBIDDEN', 'The user belongs to another server');
      }
      const room = await requireRoom(db, roomId);
      if (membership === 'join') requireVersion(ctx, room.version);
      ctx.body = {
        room_version: room.version,
        event: await memberTemplate(db, rooms.states, room, userId, membership),
      };
    });
  };
  make('join');
  make('leave');

  /**
   * Writes the event with which a user of the other server joins or leaves, and passes it on to all other servers in the room.
   */
  const accept = async (ctx: ServerRequest, membership: 'join' | 'leave'): Promise<CheckedEvent> => {
    const event = bodyOf(ctx, eventSchema);
    const { origin } = ctx.state;
    const isOwn = event.sender === event.state_key && event.sender.endsWith(`:${origin}`);
    if (!isOwn || event.room_id !== roomIdOf(ctx)) throw new MatrixError('M_FORBIDDEN', 'Not an event of this request');
    const { content } = event;
    if (
      typeof content !== 'object' ||
      content === null ||
      !('membership' in content) ||
      content.membership !== membership
    ) {
      throw new MatrixError('M_BAD_JSON', `Not a ${membership} event`);
    }
    return receive(context, event, (name) => name !== origin);
  };

  router.put('/_matrix/federation/v2/send_leave/:roomId/:eventId', async (ctx: ServerRequest) => {
    await accept(ctx, 'leave');
    ctx.body = {};
  });
  router.put('/_matrix/federation/v1/send_leave/:roomId/:eventId', async (ctx: ServerRequest) => {
    await accept(ctx, 'leave');
    ctx.body = [200, {}];
  });
  router.put('/_matrix/federation/v2/send_join/:roomId/:eventId', async (ctx: ServerRequest) => {
    const { eventId, event } = await accept(ctx, 'join');
    const room = await requireRoom(db, roomIdOf(ctx));
    const { state, authChain } = await readStateView(db, (await findSnapshotBefore(db, room, eventId)) ?? 0);
    ctx.body = {
      origin: serverName,
      event,
      state: state.map((stored) => stored.event),
      auth_chain: authChain.map((stored) => stored.event),
      members_omitted: false,
    };
  });
}

function requireVersion({ query }: ServerRequest, version: string): void {
  const known = [query.ver ?? '1'].flat();
  if (known.includes(version)) return;
  const fields = { room_version: version };
  throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'The server does not support the version of the room', {
    fields,
  });
}
