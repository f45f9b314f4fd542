import type { JobState } from '../jobs/job.ts';

/** The status that Synapse shows for work in the background, by the state of its job. */
export const SYNAPSE_STATUS = {
  queued: 'scheduled',
  running: 'active',
  succeeded: 'complete',
  failed: 'failed',
  cancelled: 'failed',
} as const satisfies Record<JobState, string>;

export type SynapseStatus = (typeof SYNAPSE_STATUS)[JobState];
