import type { JobState } from '../jobs/job.ts';

/** For each state of a job, the `status` in answers that have Synapse's format. */
export const SYNAPSE_STATUS = {
  queued: 'scheduled',
  running: 'active',
  succeeded: 'complete',
  failed: 'failed',
  cancelled: 'failed',
} as const satisfies Record<JobState, string>;

export type SynapseStatus = (typeof SYNAPSE_STATUS)[JobState];
