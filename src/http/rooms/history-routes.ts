import { defineRoute, ok, okOf, type Route, type RouteRequest } from '../route.ts';

const ADMIN = '/_synapse/admin/v1';

const names = { eventId: 'purge_up_to_event_id', upToTs: 'purge_up_to_ts' };
const purgeOf = (body: RouteRequest['body']) => ({
  upToTs: body.purge_up_to_ts ?? undefined,
  deleteLocalEvents: body.delete_local_events ?? undefined,
  media: body.media,
  dryRun: body.dry_run,
});

/** Synapse's routes that purge the history of a room, and Synapse's route that shows the state of such a purge. */
export const HISTORY_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/purge_history/:roomId`,
    operation: 'purgeHistory',
    names,
    input: ({ params, body }) => ({
      roomId: params.roomId,
      eventId: body.purge_up_to_event_id ?? undefined,
      ...purgeOf(body),
    }),
    respondStarted: (jobId) => ok({ purge_id: jobId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/purge_history/:roomId/*eventId`,
    operation: 'purgeHistory',
    names: { upToTs: names.upToTs },
    input: ({ params, body }) => ({ roomId: params.roomId, eventId: params.eventId, ...purgeOf(body) }),
    respondStarted: (jobId) => ok({ purge_id: jobId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/purge_history_status/:purgeId`,
    operation: 'getHistoryPurge',
    input: ({ params }) => ({ purgeId: params.purgeId }),
    respond: okOf,
  }),
];
