import { defineRoute, ok, okOf, type Route, type RouteRequest } from '../route.ts';

const ADMIN = '/_synapse/admin';

const deletionOf = ({ params, body }: RouteRequest) => ({
  roomId: params.roomId,
  block: body.block,
  purge: body.purge,
  forcePurge: body.force_purge,
  newRoomUserId: body.new_room_user_id ?? undefined,
  roomName: body.room_name ?? undefined,
  message: body.message ?? undefined,
  media: body.media,
  dryRun: body.dry_run,
});

/**
 * Synapse's routes that delete rooms and show deletions. The `DELETE` route of version 1 waits for the end of the deletion, up
 * to a time limit. The `DELETE` route of version 2 answers at once.
 */
export const ROOM_DELETION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'DELETE',
    path: `${ADMIN}/v1/rooms/:roomId`,
    operation: 'deleteRoom',
    needsBody: true,
    input: deletionOf,
    respond: okOf,
  }),
  defineRoute({
    method: 'DELETE',
    path: `${ADMIN}/v2/rooms/:roomId`,
    operation: 'deleteRoom',
    needsBody: true,
    respondStarted: (jobId) => ok({ delete_id: jobId }),
    input: deletionOf,
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/v2/rooms/:roomId/delete_status`,
    operation: 'listRoomDeletions',
    input: ({ params }) => ({ roomId: params.roomId }),
    respond: (results) => okOf({ results }),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/v2/rooms/delete_status/:deleteId`,
    operation: 'getRoomDeletion',
    input: ({ params }) => ({ deleteId: params.deleteId }),
    respond: okOf,
  }),
];
