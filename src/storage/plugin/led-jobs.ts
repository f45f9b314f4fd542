import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { DONE, deleteWorkOf } from './jobs.ts';
import type { JobData, JobEnd, JobStep } from './stored-job.ts';

/** SQL condition: a step of a job makes progress, because it changes the checkpoint or increases `done`. */
const GOT_ON = '(jobs.checkpoint IS DISTINCT FROM step.checkpoint OR step.done > jobs.done)';

/**
 * Renews the lease of a job for `leaseMs`. Only the process with the lease may run the job. Also updates the stored rate, the
 * number of processed items and, if that number has risen, the time of the last progress.
 * @param owner id of this process
 * @param rate processed items per second; `undefined` if it is not known
 * @returns whether the job is to be cancelled, and its numbers of items; `undefined` if this process has lost the lease
 */
export async function renewLease(
  db: Knex,
  id: string,
  owner: string,
  leaseMs: number,
  rate: number | undefined,
): Promise<{ cancelRequested: boolean; done: number; total: number | undefined } | undefined> {
  const [row] = await rowsOf<{ cancel_requested: boolean; done: string; total: string | null }>(
    db.raw(
      `UPDATE matrix_admin.jobs SET lease_until = clock_timestamp() + :leaseMs * interval '1 ms', rate = :rate,
         progressed_at = CASE WHEN ${DONE} > done THEN clock_timestamp() ELSE progressed_at END, done = ${DONE}
       WHERE id = :id AND lease_owner = :owner AND state = 'running' RETURNING cancel_requested, done, total`,
      { id, owner, leaseMs, rate: rate ?? null },
    ),
  );
  return (
    row && {
      cancelRequested: row.cancel_requested,
      done: Number(row.done),
      total: row.total === null ? undefined : Number(row.total),
    }
  );
}

/**
 * Stores the checkpoint, the phase and the numbers of items after a step of a job. If the step made progress, also stores the
 * time of this progress, and sets the count of failures to 0. Otherwise the count stays, because an attempt that repeats the
 * stored step and then fails must count as one more failure.
 * @returns `false` if nothing was stored, because this process has lost the job's lease or the job is to be cancelled
 */
export async function storeCheckpoint(
  transaction: Knex.Transaction,
  id: string,
  owner: string,
  { checkpoint, phase, done, total }: Omit<JobStep<unknown, object>, 'value'>,
): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(
    transaction.raw(
      `UPDATE matrix_admin.jobs SET checkpoint = step.checkpoint, phase = :phase,
         done = coalesce(step.done, jobs.done), total = coalesce(:total, total),
         failures = CASE WHEN ${GOT_ON} THEN 0 ELSE failures END,
         progressed_at = CASE WHEN ${GOT_ON} THEN clock_timestamp() ELSE progressed_at END
       FROM (SELECT CAST(:checkpoint AS jsonb) AS checkpoint, CAST(:done AS bigint) AS done) AS step
       WHERE id = :id AND lease_owner = :owner AND state = 'running' AND NOT cancel_requested RETURNING id`,
      { checkpoint: JSON.stringify(checkpoint), phase, done: done ?? null, total: total ?? null, id, owner },
    ),
  );
  return rows.length > 0;
}

/**
 * Ends a job, unless this process has lost the job's lease. Stores the result or the error, and the average rate. Deletes the
 * job's checkpoint, ranges and items, but keeps the number of processed items.
 * @param input the part of the job's input that stays stored
 * @returns `false` if this process has lost the lease
 */
export async function finishJob(
  transaction: Knex.Transaction,
  id: string,
  owner: string,
  end: JobEnd,
  input: JobData,
): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(
    transaction.raw(
      `UPDATE matrix_admin.jobs SET state = ?, result = ?, error = ?, errcode = ?, error_status = ?, finished_at = clock_timestamp(), done = ${DONE},
         rate = ${DONE} / greatest(extract(epoch FROM clock_timestamp() - started_at), 0.001),
         lease_owner = NULL, lease_until = NULL, checkpoint = NULL, input = ?
       WHERE id = ? AND lease_owner = ? AND state = 'running' RETURNING id`,
      [
        end.state,
        end.state === 'succeeded' ? JSON.stringify(end.result) : null,
        end.state === 'failed' ? end.error : null,
        (end.state === 'failed' && end.errcode) || null,
        (end.state === 'failed' && end.status) || null,
        JSON.stringify(input),
        id,
        owner,
      ],
    ),
  );
  if (rows.length === 0) return false;
  await deleteWorkOf(transaction, [id]);
  return true;
}

/**
 * Counts a failure of a job, and stores its error text.
 * @returns the number of failures in a row without progress between them; `undefined` if this process has lost the job's lease
 */
export async function countFailure(db: Knex, id: string, owner: string, error: string): Promise<number | undefined> {
  const [row] = await rowsOf<{ failures: number }>(
    db.raw(
      `UPDATE matrix_admin.jobs SET failures = CASE WHEN ${DONE} > done_at_claim THEN 1 ELSE failures + 1 END,
         done_at_claim = ${DONE}, error = ?
       WHERE id = ? AND lease_owner = ? AND state = 'running' RETURNING failures`,
      [error, id, owner],
    ),
  );
  return row?.failures;
}

/** Gives up the lease of a job and queues the job again, so that any process may claim it after `delayMs`. */
export async function handBackJob(db: Knex, id: string, owner: string, delayMs: number): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.jobs SET state = 'queued', run_after = clock_timestamp() + ? * interval '1 ms',
       lease_owner = NULL, lease_until = NULL
     WHERE id = ? AND lease_owner = ? AND state = 'running'`,
    [delayMs, id, owner],
  );
}
