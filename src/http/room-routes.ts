import type { BlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { defineRoute, flagOf, numberOf, ok, page, type Route } from './route.ts';

const ADMIN = '/_dendrite/admin';

const blockedRoomBody = ({ roomId, reason, blockedBy, blockedAt }: BlockedRoom): Record<string, unknown> => ({
  room_id: roomId,
  reason: reason ?? null,
  blocked_by: blockedBy,
  blocked_ts: blockedAt,
});

/** Routes of operations on rooms. */
export const ROOM_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/downloadState/:serverName/:roomId`,
    operation: 'downloadState',
    input: ({ params, body }) => ({
      serverName: params.serverName,
      roomId: params.roomId,
      dryRun: body.dry_run,
    }),
    respond: (download) => ok('dry_run' in download || 'left_out' in download ? download : {}),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/downloadState/:serverName/:roomId`,
    operation: 'downloadState',
    input: ({ params, query }) => ({
      serverName: params.serverName,
      roomId: params.roomId,
      dryRun: flagOf('dry_run', query.dry_run),
    }),
    respond: (download) => ok('dry_run' in download || 'left_out' in download ? download : {}),
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/evacuateUser/:userId`,
    operation: 'evacuateUser',
    input: ({ params, body }) => ({ userId: params.userId, dryRun: body.dry_run }),
    respond: ok,
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/evacuateRoom/:roomId`,
    operation: 'evacuateRoom',
    input: ({ params, body }) => ({
      roomId: params.roomId,
      invites: body.invites,
      knocks: body.knocks,
      dryRun: body.dry_run,
    }),
    respond: ok,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/emptyRooms`,
    operation: 'emptyRooms',
    input: ({ query }) => ({ limit: numberOf(query.limit), from: numberOf(query.from) }),
    respond: ({ rooms, nextToken }) => page({ empty_rooms: rooms }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/rooms/:roomId`,
    operation: 'roomInfo',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: ok,
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/purgeRoom/:roomId`,
    operation: 'purgeRoom',
    input: ({ params, body }) => ({
      roomId: params.roomId,
      evacuate: body.evacuate,
      block: body.block,
      reason: body.reason,
      keep: body.keep,
      dryRun: body.dry_run,
    }),
    // Dendrite's answer, with more where there is more to say.
    respond: ({ deleted, evacuated, failed, undelivered, dry_run }) =>
      ok({
        ...(dry_run && { dry_run, deleted, evacuated }),
        ...(failed && { failed }),
        ...(undelivered && { undelivered }),
      }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/blockedRooms`,
    operation: 'listBlockedRooms',
    input: ({ query }) => ({ limit: numberOf(query.limit), from: query.from }),
    respond: ({ rooms, nextToken }) => page({ blocked_rooms: rooms.map(blockedRoomBody) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/blockedRooms/:roomId`,
    operation: 'getBlockedRoom',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (room) => ok(blockedRoomBody(room)),
  }),
  defineRoute({
    method: 'PUT',
    path: `${ADMIN}/blockedRooms/:roomId`,
    operation: 'blockRoom',
    input: ({ params, body }) => ({ roomId: params.roomId, reason: body.reason }),
    respond: (room) => ok(blockedRoomBody(room)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${ADMIN}/blockedRooms/:roomId`,
    operation: 'unblockRoom',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: () => ok({}),
  }),
];
