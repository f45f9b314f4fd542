import { z } from 'zod';
import { cancelJob as cancel } from '../jobs/cancel-job.ts';
import { type JobView, requireJob, viewJob } from '../jobs/jobs.ts';
import { defineOperation } from './define-operation.ts';

/**
 * Asks a job to stop; it does so at its next step. A job that no process leads is over at once, and one that has ended stays
 * as it is.
 */
export const cancelJob = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ jobId: z.string() }),
  target: ({ jobId }) => jobId,
  run: async (scope, { jobId }): Promise<JobView> => {
    const { id } = await requireJob(scope.transaction, jobId);
    await cancel(scope.transaction, id);
    scope.afterCommit(scope.wakeJobs);
    return viewJob(await requireJob(scope.transaction, id));
  },
});
