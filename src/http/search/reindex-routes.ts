import { accepted, defineRoute, jobLocation, okOf, type Route } from '../route.ts';

const REINDEX = '/_dendrite/admin/fulltext/reindex';

/** Routes that start a reindex: Dendrite's route, whose answer has an empty body, and a route that answers with the job. */
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
