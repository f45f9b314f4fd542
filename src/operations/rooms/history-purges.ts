import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isFinished } from '../../jobs/job.ts';
import { viewJob } from '../../jobs/jobs.ts';
import { findJob } from '../../storage/plugin/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { SYNAPSE_STATUS, type SynapseStatus } from '../synapse-status.ts';

/** How far a call of `purgeHistory` is, in Synapse's format. */
export interface HistoryPurgeStatus {
  readonly status: SynapseStatus;
  /** Number of events that have been removed from the room's timeline. */
  readonly purged: number;
  readonly percent: number | null;
  readonly error?: string;
}

/**
 * Shows how far a call of `purgeHistory` is. Synapse's route is `GET /_synapse/admin/v1/purge_history_status/{purgeId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such purge
 */
export const getHistoryPurge = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the purge, which is the id of its job. */
    purgeId: z.string(),
  }),
  run: async ({ db }, { purgeId }): Promise<HistoryPurgeStatus> => {
    const job = z.uuid().safeParse(purgeId).success ? await findJob(db, purgeId) : undefined;
    if (job?.kind !== 'purgeHistory') throw new MatrixError('M_NOT_FOUND', `purge id '${purgeId}' not found`);
    const error = job.error ?? (job.state === 'cancelled' ? 'cancelled' : undefined);
    return {
      status: SYNAPSE_STATUS[job.state],
      purged: job.done,
      percent: viewJob(job).percent,
      ...(isFinished(job) && error !== undefined && { error }),
    };
  },
});
