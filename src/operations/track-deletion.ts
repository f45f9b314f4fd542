import type { Knex } from 'knex';
import type { JobData } from '../jobs/job.ts';
import type { OperationWork } from './define-operation.ts';
import type { DeletionProgress } from './room-deletion.ts';

/** What is kept between the steps of a deletion's job, and the ways to change it. */
export interface TrackedDeletion {
  readonly progress: () => DeletionProgress;
  /** A step that says what it has changed. */
  readonly step: <T>(
    phase: string,
    step: (
      transaction: Knex.Transaction,
      afterCommit: (work: () => void) => void,
    ) => Promise<readonly [changed: DeletionProgress, value: T]>,
  ) => Promise<T>;
  /** For steps of another operation: what the checkpoint of such a step is in ours. */
  readonly commit: (changedBy: (checkpoint: JobData) => DeletionProgress) => OperationWork['commit'];
}

/** Goes on from the checkpoint of the job. */
export function trackDeletion(work: OperationWork): TrackedDeletion {
  // The job's own checkpoint, as it is stored below.
  let progress = (work.checkpoint ?? {}) as DeletionProgress;
  const commit: TrackedDeletion['commit'] = (changedBy) => (step) =>
    work.commit(async (transaction, afterCommit) => {
      const done = await step(transaction, afterCommit);
      progress = { ...progress, ...changedBy(done.checkpoint) };
      return { ...done, checkpoint: { ...progress } };
    });
  return {
    progress: () => progress,
    commit,
    step: (phase, step) =>
      commit((changed) => changed)(async (transaction, afterCommit) => {
        const [changed, value] = await step(transaction, afterCommit);
        return { checkpoint: { ...changed }, phase, value };
      }),
  };
}
