import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';

/**
 * A part of a job's work: rows that the job has to process, with ids above `position` and up to `upper`. Several processes may
 * work on the ranges of one job at the same time.
 */
export interface JobRange {
  readonly rangeNo: number;
  /** The id up to which the rows of the range have been processed. */
  readonly position: number;
  readonly upper: number;
}

/**
 * Maximum number of ranges of a job. In the tables of a homeserver that has run for years, ids may be very high, and many ids
 * may be unused. The ranges are then wider, so that there are not too many of them.
 */
const MAX_RANGES = 1_000;

/**
 * Splits the ids from `lower` (exclusive) to `upper` (inclusive) into ranges of `width` ids. Makes the ranges wider if there
 * would be more than `MAX_RANGES`.
 */
export async function insertRanges(
  transaction: Knex.Transaction,
  jobId: string,
  { lower, upper }: { readonly lower: number; readonly upper: number },
  width: number,
): Promise<void> {
  const step = Math.max(width, Math.ceil((upper - lower) / MAX_RANGES));
  const count = Math.ceil((upper - lower) / step);
  // Ids have 64 bits. Without the casts, PostgreSQL multiplies the parameters as 32-bit integers.
  await transaction.raw(
    `INSERT INTO matrix_admin.job_ranges (job_id, range_no, position, upper_position)
     SELECT :jobId, n, CAST(:lower AS bigint) + n * CAST(:step AS bigint),
       least(CAST(:lower AS bigint) + (n + 1) * CAST(:step AS bigint), CAST(:upper AS bigint))
     FROM generate_series(0, CAST(:count AS int) - 1) AS n`,
    { jobId, lower, upper, step, count },
  );
}

/**
 * Claims a range for a process. Only an unfinished range can be claimed that no process has claimed, or whose lease has
 * expired.
 * @param owner id of the process
 * @param leaseMs duration of the lease, for which no other process can claim the range
 * @returns `undefined` if there is no such range, or if the job is no longer running or is to be cancelled
 */
export async function claimRange(
  db: Knex,
  jobId: string,
  owner: string,
  leaseMs: number,
): Promise<JobRange | undefined> {
  const [row] = await rowsOf<{ range_no: number; position: string; upper_position: string }>(
    db.raw(
      `UPDATE matrix_admin.job_ranges SET lease_owner = :owner,
         lease_until = clock_timestamp() + :leaseMs * interval '1 ms'
       WHERE job_id = :jobId AND range_no = (
         SELECT range_no FROM matrix_admin.job_ranges r JOIN matrix_admin.jobs j ON j.id = r.job_id
         WHERE r.job_id = :jobId AND NOT r.finished AND (r.lease_until IS NULL OR r.lease_until < clock_timestamp())
           AND j.state = 'running' AND NOT j.cancel_requested
         ORDER BY range_no FOR UPDATE OF r SKIP LOCKED LIMIT 1)
       RETURNING range_no, position, upper_position`,
      { jobId, owner, leaseMs },
    ),
  );
  return row && { rangeNo: row.range_no, position: Number(row.position), upper: Number(row.upper_position) };
}

/** A range that a process has claimed. `owner` is the id of the process. */
export interface HeldRange {
  readonly jobId: string;
  readonly range: JobRange;
  readonly owner: string;
  readonly leaseMs: number;
}

/** A batch of rows of a range that a process has processed. */
export interface RangeStep {
  /** The position of the range before this batch. */
  readonly from: number;
  /** The position of the range after this batch. */
  readonly position: number;
  /** Number of rows in the batch. */
  readonly rows: number;
  /** Whether this is the last batch of the range. */
  readonly finished: boolean;
}

/**
 * Records that the process `owner` has processed a batch of rows, and renews its lease of the range.
 * @returns `false` if another process has claimed the range or has processed the batch, or if the job is no longer running or
 * is to be cancelled. The caller must then roll the transaction back.
 */
export async function advanceRange(
  transaction: Knex.Transaction,
  { jobId, range, owner, leaseMs }: HeldRange,
  step: RangeStep,
): Promise<boolean> {
  const rows = await rowsOf<{ range_no: number }>(
    transaction.raw(
      `UPDATE matrix_admin.job_ranges r SET position = ?, done = r.done + ?, finished = ?,
         workers = CASE WHEN r.lease_owner = ANY(r.workers) THEN r.workers ELSE r.workers || r.lease_owner END,
         lease_until = clock_timestamp() + ? * interval '1 ms'
       FROM matrix_admin.jobs j
       WHERE r.job_id = ? AND r.range_no = ? AND r.lease_owner = ? AND r.position = ? AND NOT r.finished
         AND j.id = r.job_id AND j.state = 'running' AND NOT j.cancel_requested
       RETURNING r.range_no`,
      [step.position, step.rows, step.finished, leaseMs, jobId, range.rangeNo, owner, step.from],
    ),
  );
  return rows.length > 0;
}

/** Renews the lease of a range while a long batch is being processed. */
export async function renewRange(db: Knex, { jobId, range, owner, leaseMs }: HeldRange): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.job_ranges SET lease_until = clock_timestamp() + ? * interval '1 ms'
     WHERE job_id = ? AND range_no = ? AND lease_owner = ? AND NOT finished`,
    [leaseMs, jobId, range.rangeNo, owner],
  );
}

/** Ends the lease of an unfinished range on which this process stops working, so that any process can claim the range. */
export async function releaseRange(db: Knex, { jobId, range, owner }: HeldRange): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.job_ranges SET lease_until = NULL
     WHERE job_id = ? AND range_no = ? AND lease_owner = ? AND NOT finished`,
    [jobId, range.rangeNo, owner],
  );
}

/** Counts the unfinished ranges of a job, and the processes that have processed at least one batch of the job. */
export async function rangeSummary(db: Knex, jobId: string): Promise<{ unfinished: number; processes: number }> {
  const [row] = await rowsOf<{ unfinished: number; processes: number }>(
    db.raw(
      `SELECT count(*) FILTER (WHERE NOT finished)::int AS unfinished,
         (SELECT count(DISTINCT worker)::int FROM matrix_admin.job_ranges r, unnest(r.workers) AS worker
          WHERE r.job_id = :jobId) AS processes
       FROM matrix_admin.job_ranges WHERE job_id = :jobId`,
      { jobId },
    ),
  );
  return row ?? { unfinished: 0, processes: 0 };
}
