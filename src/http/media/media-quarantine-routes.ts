import { defineRoute, numberOf, ok, okOf, type Route } from '../route.ts';

const V1 = '/_synapse/admin/v1';

/**
 * Routes that set or remove the quarantine of media and their protection from it, and a route that lists quarantine changes.
 */
export const MEDIA_QUARANTINE_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${V1}/media/quarantine_changes`,
    operation: 'listQuarantineChanges',
    input: ({ query }) => ({ from: numberOf(query.from) }),
    respond: ({ changes, nextBatch }) =>
      okOf({
        nextBatch,
        changes: changes.map(({ origin, mediaId, quarantined }) => ({ origin, mediaId, quarantined })),
      }),
  }),
  ...([true, false] as const).map((quarantined) =>
    defineRoute({
      method: 'POST',
      path: `${V1}/media/${quarantined ? 'quarantine' : 'unquarantine'}/:serverName/:mediaId`,
      operation: 'setMediaQuarantined',
      input: ({ params }) => ({ serverName: params.serverName, mediaId: params.mediaId, quarantined }),
      respond: () => ok({}),
    }),
  ),
  ...([`${V1}/room/:roomId/media/quarantine`, `${V1}/quarantine_media/:roomId`] as const).map((path) =>
    defineRoute({
      method: 'POST',
      path,
      operation: 'quarantineRoomMedia',
      input: ({ params, body }) => ({ roomId: params.roomId, dryRun: body.dry_run }),
      respond: okOf,
    }),
  ),
  defineRoute({
    method: 'POST',
    path: `${V1}/user/:userId/media/quarantine`,
    operation: 'quarantineUserMedia',
    input: ({ params, body }) => ({ userId: params.userId, dryRun: body.dry_run }),
    respond: okOf,
  }),
  ...([true, false] as const).map((isProtected) =>
    defineRoute({
      method: 'POST',
      path: `${V1}/media/${isProtected ? 'protect' : 'unprotect'}/:mediaId`,
      operation: 'setMediaProtected',
      input: ({ params }) => ({ mediaId: params.mediaId, protected: isProtected }),
      respond: () => ok({}),
    }),
  ),
];
