import type { JobView } from '../../jobs/jobs.ts';
import { defineRoute, numberOf, ok, page, type Route, timeOf, wireName } from '../route.ts';

const ADMIN = '/_dendrite/admin';

/** A job whose input has the names of requests. */
const jobBody = (job: JobView): JobView => ({
  ...job,
  input: job.input && Object.fromEntries(Object.entries(job.input).map(([key, value]) => [wireName(key), value])),
});

/** Routes that show and cancel jobs. */
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
    respond: ({ jobs, nextToken }) => page({ jobs: jobs.map(jobBody) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/jobs/:jobId`,
    operation: 'getJob',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: (job) => ok(jobBody(job)),
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/jobs/:jobId/cancel`,
    operation: 'cancelJob',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: (job) => ok(jobBody(job)),
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
          yield { event: 'progress', data: jobBody(job) };
        }
        yield { event: 'end', data: last && jobBody(last) };
      },
    }),
  }),
];
