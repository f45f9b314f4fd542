import { defineRoute, flagOf, numberOf, okOf, type Route, timeOf } from '../route.ts';

const V1 = '/_synapse/admin/v1';
const DENDRITE = '/_dendrite/admin';

/** Routes that delete media, and a route that compares the media files with the database and can repair differences. */
export const MEDIA_DELETION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'DELETE',
    path: `${V1}/users/:userId/media`,
    operation: 'deleteUserMedia',
    names: { direction: 'dir' },
    input: ({ params, query, body }) => ({
      userId: params.userId,
      orderBy: query.order_by,
      direction: query.dir,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
      dryRun: body.dry_run,
    }),
    respond: okOf,
  }),
  // Synapse has deprecated the path with the server name.
  ...([`${V1}/media/delete`, `${V1}/media/:origin/delete`] as const).map((path) =>
    defineRoute({
      method: 'POST',
      path,
      operation: 'deleteOldMedia',
      input: ({ params, query, body }) => ({
        origin: params.origin,
        beforeTs: timeOf(query.before_ts),
        sizeGt: numberOf(query.size_gt),
        keepProfiles: flagOf('keep_profiles', query.keep_profiles),
        dryRun: body.dry_run,
      }),
      respond: okOf,
    }),
  ),
  defineRoute({
    method: 'POST',
    path: `${V1}/purge_media_cache`,
    operation: 'purgeMediaCache',
    input: ({ query, body }) => ({
      beforeTs: timeOf(query.before_ts),
      dryRun: body.dry_run,
    }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${DENDRITE}/deleteRoomMedia/:roomId`,
    operation: 'deleteRoomMedia',
    input: ({ params, body }) => ({ roomId: params.roomId, media: body.media, dryRun: body.dry_run }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${DENDRITE}/media/check`,
    operation: 'checkMedia',
    input: ({ body }) => ({ repair: body.repair, dryRun: body.dry_run }),
    respond: okOf,
  }),
  // This route must come after the routes with more specific paths. Otherwise, this route would answer their requests, because
  // `:serverName` matches any text.
  defineRoute({
    method: 'DELETE',
    path: `${V1}/media/:serverName/:mediaId`,
    operation: 'deleteMedia',
    input: ({ params, body }) => ({
      serverName: params.serverName,
      mediaId: params.mediaId,
      dryRun: body.dry_run,
    }),
    respond: okOf,
  }),
];
