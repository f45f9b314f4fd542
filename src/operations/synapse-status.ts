import type { JobState } from '../jobs/job.ts';

/**
 * For each state of a job, the `status` in Synapse's answers about one purge of history or one redaction of a user's events.
 */
export const SYNAPSE_STATUS = {
  queued: 'scheduled',
  running: 'active',
  succeeded: 'complete',
  failed: 'failed',
  cancelled: 'failed',
} as const satisfies Record<JobState, string>;

export type SynapseStatus = (typeof SYNAPSE_STATUS)[JobState];
