import { accepted, defineRoute, jobLocation, type Route } from '../route.ts';

const REINDEX = '/_dendrite/admin/fulltext/reindex';

/** Dendrite's route that starts a reindex, and its counterpart for clients that expect a job. */
export const REINDEX_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: REINDEX,
    operation: 'reindexFulltext',
    input: () => ({}),
    respond: ({ jobId }, request) =>
      request.respondAsync ? accepted(jobId, request) : { status: 200, body: {}, headers: jobLocation(request, jobId) },
  }),
  defineRoute({
    method: 'POST',
    path: REINDEX,
    operation: 'reindexFulltext',
    input: () => ({}),
    respond: ({ jobId }, request) => accepted(jobId, request),
  }),
];
