import { z } from 'zod';
import { type JobView, requireJob, viewJob } from '../jobs/jobs.ts';
import { defineOperation } from './define-operation.ts';

/** One job, with its progress. */
export const getJob = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ jobId: z.string() }),
  run: async ({ db }, { jobId }): Promise<JobView> => viewJob(await requireJob(db, jobId)),
});
