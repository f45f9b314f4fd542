import type { JobState } from '../jobs/job.ts';

/** The status that Synapse's format has for each state of a job. */
export const SYNAPSE_STATUS = {
  queued: 'scheduled',
  running: 'active',
  succeeded: 'complete',
  failed: 'failed',
  cancelled: 'failed',
} as const satisfies Record<JobState, string>;

export type SynapseStatus = (typeof SYNAPSE_STATUS)[JobState];
