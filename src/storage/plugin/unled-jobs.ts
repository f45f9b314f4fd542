import type { Knex } from 'knex';
import type { Db } from '../database.ts';
import { COLUMNS, DONE, deleteWorkOf, jobsOf } from './jobs.ts';
import type { Job, JobData } from './stored-job.ts';

/** SQL condition: no process is running the job. A process whose lease has expired can no longer commit a step of the job. */
const UNLED = `(state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp()))`;

/**
 * SQL assignments that end a job that no process is running. If a process has ever run the job, the job may have left something
 * behind, and needs a clean-up.
 */
const ENDED = `finished_at = clock_timestamp(), needs_clean_up = attempts > 0, done = ${DONE},
  rate = ${DONE} / greatest(extract(epoch FROM clock_timestamp() - started_at), 0.001),
  lease_owner = NULL, lease_until = NULL, checkpoint = NULL`;

async function end(
  transaction: Knex.Transaction,
  update: string,
  bindings: Record<string, Knex.Value>,
): Promise<Job[]> {
  const ended = await jobsOf(transaction.raw(`${update} RETURNING ${COLUMNS}`, bindings));
  const ids = ended.map(({ id }) => id);
  if (ids.length === 0) return [];
  await deleteWorkOf(transaction, ids);
  return ended;
}

/** Ends cancelled jobs that no process is running, whatever their kind. @returns the ended jobs */
export async function endCancelledJobs(transaction: Knex.Transaction, id?: string): Promise<Job[]> {
  return end(
    transaction,
    `UPDATE matrix_admin.jobs SET state = 'cancelled', ${ENDED}
     WHERE cancel_requested AND ${UNLED} AND (CAST(:id AS uuid) IS NULL OR id = :id)`,
    { id: id ?? null },
  );
}

/**
 * Fails jobs that have been due for `abandonedMs` without a process that runs them. Leaves out jobs of the kinds in `served`.
 * @returns the failed jobs
 */
export async function failAbandonedJobs(
  transaction: Knex.Transaction,
  served: readonly string[],
  abandonedMs: number,
  { error, errcode }: { readonly error: string; readonly errcode: string },
): Promise<Job[]> {
  return end(
    transaction,
    `UPDATE matrix_admin.jobs SET state = 'failed', error = :error, errcode = :errcode, ${ENDED}
     WHERE ${UNLED} AND kind <> ALL(:served)
       AND greatest(run_after, lease_until) < clock_timestamp() - CAST(:abandonedMs AS bigint) * interval '1 ms'`,
    { served: [...served], abandonedMs, error, errcode },
  );
}

/** Replaces the input of an ended job with the part that stays stored. */
export async function keepInput(transaction: Knex.Transaction, id: string, input: JobData): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.jobs SET input = ? WHERE id = ?', [JSON.stringify(input), id]);
}

/** Claims a job that ended while no process was running it, so that this process can remove what the job has left behind. */
export async function claimCleanUp(
  db: Db,
  kinds: readonly string[],
  owner: string,
  leaseMs: number,
): Promise<Job | undefined> {
  const [job] = await jobsOf(
    db.raw(
      `UPDATE matrix_admin.jobs SET lease_owner = :owner, lease_until = clock_timestamp() + :leaseMs * interval '1 ms'
       WHERE id = (
         SELECT id FROM matrix_admin.jobs
         WHERE needs_clean_up AND kind = ANY(:kinds) AND (lease_until IS NULL OR lease_until < clock_timestamp())
         LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING ${COLUMNS}`,
      { kinds: [...kinds], owner, leaseMs },
    ),
  );
  return job;
}

/** Records that everything that the job had left behind is removed. */
export async function endCleanUp(db: Db, id: string): Promise<void> {
  await db.raw(
    'UPDATE matrix_admin.jobs SET needs_clean_up = false, lease_owner = NULL, lease_until = NULL WHERE id = ?',
    [id],
  );
}
