import type Router from '@koa/router';
import type { StoredEvent } from '../../../homeserver/index.ts';
import { MatrixError } from '../../../index.ts';
import { isRecord } from '../../../matrix/index.ts';
import {
  findEventWithRoom,
  findSnapshotBefore,
  isServerInRoom,
  readEventsUpTo,
  readStateView,
  type StateView,
} from '../../storage/room-views.ts';
import { requireRoom } from '../event-template.ts';
import { eventIdIn, type FederationContext, roomIdOf, type ServerRequest } from '../federation-context.ts';

const MAX_BACKFILL = 100;
const SHOWN_TO_ALL: readonly unknown[] = ['shared', 'world_readable', undefined];

const eventOf = ({ event }: StoredEvent): unknown => event;
const idOf = ({ eventId }: StoredEvent): string => eventId;

/**
 * Adds the routes that return state and events. Only servers in the room may use these routes. Source: Server-Server API,
 * "Retrieving events" and "Backfilling and retrieving missing events".
 */
export function addStateRoutes(router: Router, { db, serverName, rooms }: FederationContext): void {
  const view = async (ctx: ServerRequest): Promise<StateView> => {
    const roomId = roomIdOf(ctx);
    const eventId = eventIdIn(ctx.query.event_id);
    const room = await requireRoom(db, roomId);
    if (!(await isServerInRoom(db, roomId, ctx.state.origin))) throw notInRoom();
    const snapshotNid = await findSnapshotBefore(db, room, eventId);
    if (snapshotNid === undefined) throw new MatrixError('M_NOT_FOUND', 'The state at this event is unknown');
    return readStateView(db, snapshotNid);
  };

  router.get('/_matrix/federation/v1/state/:roomId', async (ctx: ServerRequest) => {
    const { state, authChain } = await view(ctx);
    ctx.body = { pdus: state.map(eventOf), auth_chain: authChain.map(eventOf) };
  });
  router.get('/_matrix/federation/v1/state_ids/:roomId', async (ctx: ServerRequest) => {
    const { state, authChain } = await view(ctx);
    ctx.body = { pdu_ids: state.map(idOf), auth_chain_ids: authChain.map(idOf) };
  });
  router.get('/_matrix/federation/v1/backfill/:roomId', async (ctx: ServerRequest) => {
    const roomId = roomIdOf(ctx);
    const eventIds = [ctx.query.v ?? []].flat().map(eventIdIn);
    const limit = Math.min(Number(ctx.query.limit ?? MAX_BACKFILL) || 0, MAX_BACKFILL);
    const room = await requireRoom(db, roomId);
    if (!(await isServerInRoom(db, roomId, ctx.state.origin))) throw notInRoom();
    const { events } = await rooms.states.load(db, room.stateSnapshotNid, [['m.room.history_visibility', '']]);
    const [visibility] = [...events.values()].map(({ event }) => event.content);
    // This route does not check when the users of the other server were in the room. So it returns no events if the room's
    // current history visibility hides earlier events from new members.
    const isShown = !isRecord(visibility) || SHOWN_TO_ALL.includes(visibility.history_visibility);
    const found = isShown ? await readEventsUpTo(db, room, eventIds, limit) : [];
    ctx.body = { origin: serverName, origin_server_ts: Date.now(), pdus: found.map(eventOf) };
  });
  router.get('/_matrix/federation/v1/event/:eventId', async (ctx: ServerRequest) => {
    const found = await findEventWithRoom(db, eventIdIn(ctx.params.eventId));
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'The event does not exist');
    if (!(await isServerInRoom(db, found.roomId, ctx.state.origin))) throw notInRoom();
    ctx.body = { origin: serverName, origin_server_ts: Date.now(), pdus: [found.stored.event] };
  });
}

function notInRoom(): MatrixError {
  return new MatrixError('M_FORBIDDEN', 'The server is not in the room');
}
