import { z } from 'zod';
import { ParameterError } from '../../errors.ts';
import { JOB_STATES } from '../../jobs/job.ts';
import { type JobView, requireJob, viewJob } from '../../jobs/jobs.ts';
import { requestCancellation } from '../../jobs/request-cancellation.ts';
import type { Db } from '../../storage/database.ts';
import { findJob, type JobFilter, readJobs } from '../../storage/plugin/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { timeInput } from './time-input.ts';

/** Lists jobs, newest first, page by page. */
export const listJobs = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Only jobs of this kind. A job's kind is the name of its operation. @defaultValue all jobs */
    kind: z.string().max(100).optional(),
    /** Only jobs in this state. @defaultValue all jobs */
    state: z.enum(JOB_STATES).optional(),
    /** Only jobs with this target. The target is a room id, a user id or another id. @defaultValue all jobs */
    target: z.string().max(255).optional(),
    /** Only jobs that were queued at or after this time, in ms since the epoch. @defaultValue all jobs */
    since: timeInput.optional(),
    /** Only jobs that were queued before this time, in ms since the epoch. @defaultValue all jobs */
    until: timeInput.optional(),
    /** Maximum number of jobs on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the previous page. */
    from: z.uuid().optional(),
  }),
  run: async ({ db }, { limit, from, ...filter }): Promise<{ jobs: JobView[]; nextToken: string | undefined }> =>
    pageOfJobs(db, filter, { limit, from }),
});

/**
 * Reads a page of the jobs that match `filter`, newest first. `from` is the id of the last job of the previous page. `offset`
 * is a number of jobs to skip. The returned `nextToken` is the `from` of the next page, or `undefined` if this is the last
 * page.
 * @throws ParameterError if the job with the id `from` does not exist
 */
export async function pageOfJobs(
  db: Db,
  filter: JobFilter,
  { limit, from, offset }: { readonly limit: number; readonly from?: string | undefined; readonly offset?: number },
): Promise<{ jobs: JobView[]; nextToken: string | undefined }> {
  if (from !== undefined && (await findJob(db, from)) === undefined) {
    // The job was deleted after the previous page was read. An empty page would look like the end of the list.
    throw new ParameterError(['from'], 'no such job');
  }
  const found = await readJobs(db, filter, { limit: limit + 1, after: from, offset });
  const jobs = found.slice(0, limit);
  return { jobs: jobs.map(viewJob), nextToken: found.length > limit ? jobs.at(-1)?.id : undefined };
}

/**
 * Shows one job with its progress.
 * @throws MatrixError `M_NOT_FOUND` if there is no such job
 */
export const getJob = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the job. */
    jobId: z.string(),
  }),
  run: async ({ db }, { jobId }): Promise<JobView> => viewJob(await requireJob(db, jobId)),
});

/**
 * Cancels a job. If a process runs the job, the job stops before its next step. If no process runs the job, the job ends at
 * once. A job that has already ended does not change.
 * @throws MatrixError `M_NOT_FOUND` if there is no such job
 */
export const cancelJob = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The id of the job. */
    jobId: z.string(),
  }),
  target: ({ jobId }) => jobId,
  run: async (scope, { jobId }): Promise<JobView> => {
    const { id } = await requireJob(scope.transaction, jobId);
    await requestCancellation(scope.transaction, id);
    scope.afterCommit(scope.wakeJobs);
    return viewJob(await requireJob(scope.transaction, id));
  },
});
