import { accepted, defineRoute, okOf, type Route } from '../route.ts';

/** The route that rebuilds the summary tables, from which the plugin reads lists of rooms and users. */
export const SUMMARY_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/summaries/rebuild',
    operation: 'rebuildSummaries',
    input: ({ body }) => ({ dryRun: body.dry_run }),
    respondStarted: accepted,
    respond: okOf,
  }),
];
