import { accepted, defineRoute, jobLocation, okOf, type Route } from '../route.ts';

const INDEX = '/_dendrite/admin/fulltext';
const REINDEX = `${INDEX}/reindex`;

/**
 * Routes that show the search index and start a reindex. Dendrite's own route for a reindex is `GET`, and its answer is an
 * empty object. The plugin adds a `POST` route, whose answer has the id of the job.
 */
export const SEARCH_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: INDEX,
    operation: 'getSearchIndex',
    input: () => ({}),
    respond: okOf,
  }),
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
