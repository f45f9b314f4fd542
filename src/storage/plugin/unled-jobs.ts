import type { Knex } from 'knex';
import type { Db } from '../database.ts';
import { COLUMNS, DONE, deleteWorkOf, jobsOf } from './jobs.ts';
import type { Job, JobData } from './stored-job.ts';

/**
 * SQL condition: no process has the lease of the job, because the job is queued, or because the lease of the process that ran
 * it has expired. Only a process with the lease may run a job.
 */
const UNLED = `(state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp()))`;

/**
 * SQL assignments that end a job for which `UNLED` holds. If a process has ever run the job, the job may have left something
 * behind, so it needs a clean-up.
 */
const ENDED = `finished_at = clock_timestamp(), needs_clean_up = attempts > 0, done = ${DONE},
  rate = ${DONE} / greatest(extract(epoch FROM clock_timestamp() - started_at), 0.001),
  lease_owner = NULL, lease_until = NULL, checkpoint = NULL`;

/** Runs an `UPDATE` that ends jobs, and deletes the ranges and items of these jobs. @returns the ended jobs */
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

/**
 * Ends the jobs of all kinds that are to be cancelled and for which `UNLED` holds.
 * @param id ends only the job with this id. @defaultValue all such jobs
 * @returns the ended jobs
 */
export async function endCancelledJobs(transaction: Knex.Transaction, id?: string): Promise<Job[]> {
  return end(
    transaction,
    `UPDATE matrix_admin.jobs SET state = 'cancelled', ${ENDED}
     WHERE cancel_requested AND ${UNLED} AND (CAST(:id AS uuid) IS NULL OR id = :id)`,
    { id: id ?? null },
  );
}

/**
 * Ends jobs as failed that no process has claimed for more than `abandonedMs` after they were due and, if a process had run
 * them, after its lease expired.
 * @param served kinds of jobs to leave out, because this process can run them
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

/** Replaces the input of a job that has ended with the part of the input that stays stored. */
export async function keepInput(transaction: Knex.Transaction, id: string, input: JobData): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.jobs SET input = ? WHERE id = ?', [JSON.stringify(input), id]);
}

/**
 * Claims a job that needs a clean-up: the job ended while no process was running it, and this process must remove what the job
 * has left behind. Returns `undefined` if there is no such job of these kinds that no other process has claimed.
 */
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

/** Stores that a job no longer needs a clean-up, because everything that the job had left behind is removed. */
export async function endCleanUp(db: Db, id: string): Promise<void> {
  await db.raw(
    'UPDATE matrix_admin.jobs SET needs_clean_up = false, lease_owner = NULL, lease_until = NULL WHERE id = ?',
    [id],
  );
}
