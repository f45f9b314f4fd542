import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isFinished, type Job } from '../../jobs/job.ts';
import { storedItems } from '../../jobs/job-items.ts';
import { viewJob } from '../../jobs/jobs.ts';
import type { Db } from '../../storage/database.ts';
import { findJob } from '../../storage/plugin/jobs.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { SYNAPSE_STATUS, type SynapseStatus } from '../synapse-status.ts';
import { outcomeOf, type RedactionProgress, type UserRedaction } from './redaction-outcome.ts';

/** How far `redactUserEvents` has redacted a user's events, in Synapse's format. */
export interface UserRedactionStatus {
  readonly status: SynapseStatus;
  /** Number of events that have been redacted. `null` if the redaction has failed or was cancelled. */
  readonly redacted: number | null;
  /** Number of events that could not be redacted. `null` if the redaction has failed or was cancelled. */
  readonly failed: number | null;
  readonly percent: number | null;
  /** Why events could not be redacted: event ids with reasons, at most 10,000. */
  readonly failedRedactions: Readonly<Record<string, string>>;
  readonly error?: string;
}

/**
 * Shows how far a redaction of a user's events is. Synapse's route is `GET /_synapse/admin/v1/user/redact_status/{redactId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such redaction
 */
export const getUserRedaction = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the redaction, which is the id of its job. */
    redactId: z.string(),
  }),
  run: async ({ db }, { redactId }): Promise<UserRedactionStatus> => {
    const job = z.uuid().safeParse(redactId).success ? await findJob(db, redactId) : undefined;
    if (job?.kind !== 'redactUserEvents') throw new MatrixError('M_NOT_FOUND', `redact id '${redactId}' not found`);
    const isLost = isFinished(job) && job.result === undefined;
    const { redacted, failed = [] } = await readOutcome(db, job);
    const error = job.error ?? (job.state === 'cancelled' ? 'cancelled' : undefined);
    return {
      status: SYNAPSE_STATUS[job.state],
      redacted: isLost ? null : redacted,
      failed: isLost ? null : failed.reduce((sum, { events }) => sum + events, 0),
      percent: viewJob(job).percent,
      failedRedactions: Object.fromEntries(
        failed.flatMap(({ reason, eventIds }) => eventIds.map((eventId) => [eventId, reason])),
      ),
      ...(isFinished(job) && error !== undefined && { error }),
    };
  },
});

/**
 * Returns the outcome of the job so far. The type casts are safe, because `redactUserEvents` has written the job's checkpoint
 * and result.
 */
async function readOutcome(db: Db, { id, result, checkpoint }: Job): Promise<UserRedaction> {
  if (result !== undefined) return result as unknown as UserRedaction;
  const progress = (checkpoint ?? { redacted: 0, failed: [] }) as unknown as RedactionProgress;
  return outcomeOf(progress, storedItems(id), db);
}
