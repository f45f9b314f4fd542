import { accepted, defineRoute, jobLocation, okOf, type Route } from '../route.ts';

const REINDEX = '/_dendrite/admin/fulltext/reindex';

/** Dendrite's route that starts a reindex, and its counterpart for clients that expect a job. */
export const REINDEX_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: REINDEX,
    operation: 'reindexFulltext',
    input: () => ({}),
    respondStarted: (jobId, request) =>
      request.respondAsync ? accepted(jobId, request) : { status: 200, body: {}, headers: jobLocation(request, jobId) },
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: REINDEX,
    operation: 'reindexFulltext',
    input: () => ({}),
    respondStarted: accepted,
    respond: okOf,
  }),
];
