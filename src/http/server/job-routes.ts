import type { JobView } from '../../jobs/jobs.ts';
import { defineRoute, numberOf, okOf, page, type Route, timeOf, wireForm } from '../route.ts';

const ADMIN = '/_dendrite/admin';

/** Routes that list, show and cancel jobs, and a route that sends the changes of a job as server-sent events. */
export const JOB_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/jobs`,
    operation: 'listJobs',
    input: ({ query }) => ({
      kind: query.kind,
      state: query.state,
      target: query.target,
      since: timeOf(query.since),
      until: timeOf(query.until),
      limit: numberOf(query.limit),
      from: query.from,
    }),
    respond: ({ jobs, nextToken }) => page({ jobs: wireForm(jobs) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/jobs/:jobId`,
    operation: 'getJob',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/jobs/:jobId/cancel`,
    operation: 'cancelJob',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/jobs/:jobId/events`,
    operation: 'getJob',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: ({ id }) => ({
      status: 200,
      async *events(jobs, signal) {
        let last: JobView | undefined;
        for await (const job of jobs.watch(id, { signal })) {
          last = job;
          yield { event: 'progress', data: wireForm(job) };
        }
        yield { event: 'end', data: wireForm(last) };
      },
    }),
  }),
];
