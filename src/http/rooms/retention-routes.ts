import { defineRoute, okOf, type Route } from '../route.ts';

/** The route that purges events that are older than the retention policy of their room allows. */
export const RETENTION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/retention/purge',
    operation: 'purgeExpiredHistory',
    input: ({ body }) => ({ media: body.media, dryRun: body.dry_run }),
    respond: okOf,
  }),
];
