import type Router from '@koa/router';
import { z } from 'zod';
import { MatrixError } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf, queryOf, roomIdOf } from '../request-parameters.ts';
import { readVisibleState, requireJoined, viewRoom } from '../rooms/room-view.ts';
import { sendState } from '../rooms/send-state.ts';
import { clientEventOf } from '../storage/client-events.ts';
import { joinedRooms } from '../storage/rooms.ts';

const contentSchema = z.record(z.string(), z.unknown());
const ONE = ['/rooms/:roomId/state/:type', '/rooms/:roomId/state/:type/', '/rooms/:roomId/state/:type/:stateKey'];

/**
 * Adds the routes for the state and the members of rooms, and the route that lists the rooms that the user has joined. Source:
 * Client-Server API, "Getting events for a room" and "Sending events to a room".
 */
export function addRoomStateRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  router.get(clientPaths('/joined_rooms'), async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    ctx.body = { joined_rooms: await joinedRooms(db, userId) };
  });

  const readState = async (ctx: ClientRequest, type?: string): Promise<readonly Record<string, unknown>[]> => {
    const { userId } = await authenticate(ctx, context);
    const roomId = roomIdOf(ctx);
    const state = await readVisibleState(db, await viewRoom(db, roomId, userId), type);
    return state.map(({ eventId, event }) => clientEventOf(event, { eventId, roomId }));
  };
  router.get(clientPaths('/rooms/:roomId/state'), async (ctx: ClientRequest) => {
    ctx.body = await readState(ctx);
  });
  router.get(ONE.flatMap(clientPaths), async (ctx: ClientRequest) => {
    const [type, stateKey] = [parameterOf(ctx, 'type'), parameterOf(ctx, 'stateKey')];
    const events = await readState(ctx, type);
    const found = events.find((event) => event.type === type && event.state_key === stateKey);
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'The room has no such state');
    ctx.body = queryOf(ctx, 'format') === 'event' ? found : found.content;
  });
  router.put(ONE.flatMap(clientPaths), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const [type, stateKey] = [parameterOf(ctx, 'type'), parameterOf(ctx, 'stateKey')];
    const draft = { type, stateKey, sender: userId, content: bodyOf(ctx, contentSchema) };
    ctx.body = { event_id: await sendState(context, roomIdOf(ctx), draft) };
  });

  router.get(clientPaths('/rooms/:roomId/members'), async (ctx: ClientRequest) => {
    const [wanted, unwanted] = [queryOf(ctx, 'membership'), queryOf(ctx, 'not_membership')];
    const members = await readState(ctx, 'm.room.member');
    const membershipOf = ({ content }: Record<string, unknown>): unknown => isRecord(content) && content.membership;
    ctx.body = {
      chunk: members.filter((member) => {
        const membership = membershipOf(member);
        return (wanted === undefined || membership === wanted) && membership !== unwanted;
      }),
    };
  });
  router.get(clientPaths('/rooms/:roomId/joined_members'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    await requireJoined(db, roomIdOf(ctx), userId);
    const members = (await readState(ctx, 'm.room.member')).flatMap(({ state_key: id, content }) =>
      isRecord(content) && content.membership === 'join' ? [[String(id), shownMember(content)] as const] : [],
    );
    ctx.body = { joined: Object.fromEntries(members) };
  });
}

const shownMember = ({ displayname, avatar_url: avatarUrl }: Record<string, unknown>): Record<string, unknown> => ({
  display_name: displayname ?? null,
  avatar_url: avatarUrl ?? null,
});
