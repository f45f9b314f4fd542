import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';
import type { Job, JobData, JobState } from './stored-job.ts';

interface JobRow {
  id: string;
  kind: string;
  state: JobState;
  input: JobData;
  checkpoint: JobData | null;
  phase: string | null;
  done: string;
  total: string | null;
  rate: number | null;
  attempts: number;
  failures: number;
  cancel_requested: boolean;
  created_by: string;
  request_id: string | null;
  target: string | null;
  created_ms: number;
  started_ms: number | null;
  finished_ms: number | null;
  result: JobData | null;
  error: string | null;
  errcode: string | null;
  error_status: number | null;
}

const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/**
 * SQL expression: the number of items that the job in the row `jobs` has processed. If the work of the job is split into
 * ranges, the number is the sum of `done` of the ranges, because a transaction that processes a batch updates only `done` of
 * its range.
 */
export const DONE = `coalesce((SELECT sum(r.done) FROM matrix_admin.job_ranges r WHERE r.job_id = jobs.id), jobs.done)`;

/** SQL for the columns that a query for `jobsOf()` must return. */
export const COLUMNS = `jobs.id, kind, state, input, checkpoint, phase, ${DONE} AS done, total, rate, attempts, failures,
  cancel_requested, created_by, request_id, target, ${msOf('created_at')} AS created_ms, ${msOf('started_at')} AS started_ms,
  ${msOf('finished_at')} AS finished_ms, result, error, errcode, error_status`;

const UNFINISHED = `state IN ('queued', 'running')`;

function jobOf(row: JobRow): Job {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    input: row.input,
    checkpoint: row.checkpoint ?? undefined,
    phase: row.phase ?? undefined,
    done: Number(row.done),
    total: row.total === null ? undefined : Number(row.total),
    rate: row.rate ?? undefined,
    attempts: row.attempts,
    failures: row.failures,
    cancelRequested: row.cancel_requested,
    createdBy: row.created_by,
    requestId: row.request_id ?? undefined,
    target: row.target ?? undefined,
    createdAt: Math.floor(row.created_ms),
    startedAt: row.started_ms === null ? undefined : Math.floor(row.started_ms),
    finishedAt: row.finished_ms === null ? undefined : Math.floor(row.finished_ms),
    result: row.result ?? undefined,
    error: row.error ?? undefined,
    errcode: row.errcode ?? undefined,
    errorStatus: row.error_status ?? undefined,
  };
}

/** Runs a query that returns `COLUMNS`, and converts its rows to jobs. */
export const jobsOf = async (query: PromiseLike<{ rows: JobRow[] }>): Promise<Job[]> =>
  (await rowsOf(query)).map(jobOf);

/** A job to queue. */
export interface NewJob {
  /** The name of the operation that the job runs. */
  readonly kind: string;
  /** Jobs with the same key do the same work. Only one of them can be unfinished at a time. */
  readonly dedupeKey: string;
  readonly input: JobData;
  /** The id of the room, user or other thing that the job is about. */
  readonly target?: string | undefined;
  readonly createdBy: string;
  readonly requestId: string;
}

/**
 * Queues a job. If an unfinished job has the same dedupe key, queues nothing.
 * @returns the id and the input of the queued job or of that unfinished job; `joined` is `true` for the latter
 */
export async function insertJob(db: Db, job: NewJob): Promise<{ id: string; joined: boolean; input: JobData }> {
  // If an unfinished job prevents the insert, but ends before `findUnfinishedJob()` reads it, the loop tries the insert again.
  for (;;) {
    const [inserted] = await rowsOf<{ id: string; input: JobData }>(
      db.raw(
        `INSERT INTO matrix_admin.jobs (kind, dedupe_key, input, target, created_by, request_id)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (dedupe_key) WHERE ${UNFINISHED} DO NOTHING RETURNING id, input`,
        [job.kind, job.dedupeKey, JSON.stringify(job.input), job.target ?? null, job.createdBy, job.requestId],
      ),
    );
    if (inserted) return { ...inserted, joined: false };
    const running = await findUnfinishedJob(db, job.dedupeKey);
    if (running) return { ...running, joined: true };
  }
}

/**
 * Queues a job, unless an unfinished job has the same dedupe key, or a job of the same kind was queued less than `intervalMs`
 * ago.
 */
export async function insertDailyJob(
  db: Db,
  { kind, dedupeKey, input, createdBy }: Pick<NewJob, 'kind' | 'dedupeKey' | 'input' | 'createdBy'>,
  intervalMs: number,
): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.jobs (kind, dedupe_key, input, created_by)
     SELECT :kind, :dedupeKey, CAST(:input AS jsonb), :createdBy
     WHERE NOT EXISTS (SELECT FROM matrix_admin.jobs
       WHERE kind = :kind AND created_at > clock_timestamp() - CAST(:intervalMs AS bigint) * interval '1 ms')
     ON CONFLICT (dedupe_key) WHERE ${UNFINISHED} DO NOTHING`,
    { kind, dedupeKey, input: JSON.stringify(input), createdBy, intervalMs },
  );
}

/** Finds the queued or running job with a dedupe key. Returns `undefined` if there is none. */
export async function findUnfinishedJob(
  db: Db,
  dedupeKey: string,
): Promise<{ id: string; input: JobData } | undefined> {
  const [job] = await rowsOf<{ id: string; input: JobData }>(
    db.raw(`SELECT id, input FROM matrix_admin.jobs WHERE dedupe_key = ? AND ${UNFINISHED}`, [dedupeKey]),
  );
  return job;
}

/** Finds a job by its id. */
export async function findJob(db: Db, id: string): Promise<Job | undefined> {
  const [job] = await jobsOf(db.raw(`SELECT ${COLUMNS} FROM matrix_admin.jobs WHERE id = ?`, [id]));
  return job;
}

export interface JobFilter {
  readonly kind?: string | undefined;
  readonly state?: JobState | undefined;
  readonly target?: string | undefined;
  /** Only jobs that were queued at or after this time, in ms since the epoch. */
  readonly since?: number | undefined;
  /** Only jobs that were queued before this time, in ms since the epoch. */
  readonly until?: number | undefined;
  /**
   * Only jobs whose state last changed before this time, in ms since the epoch. The state of a job that has ended changed when
   * the job ended. The state of any other job changed when the job was first started or, if it was never started, when it was
   * queued.
   */
  readonly unchangedSince?: number | undefined;
}

/** Selects a page of the list of jobs, which begins with the newest job. */
export interface JobPage {
  readonly limit: number;
  /**
   * Id of the job after which the page starts. If the job is no longer stored, the page is empty. @defaultValue the page starts
   * with the newest job
   */
  readonly after?: string | undefined;
  /** Number of jobs to skip before the page. @defaultValue 0 */
  readonly offset?: number | undefined;
}

/** Lists jobs, newest first. */
export async function readJobs(
  db: Db,
  { kind, state, target, since, until, unchangedSince }: JobFilter,
  { limit, after, offset = 0 }: JobPage,
): Promise<Job[]> {
  return jobsOf(
    db.raw(
      `SELECT ${COLUMNS} FROM matrix_admin.jobs
       WHERE (CAST(:kind AS text) IS NULL OR kind = :kind) AND (CAST(:state AS text) IS NULL OR state = :state)
         AND (CAST(:target AS text) IS NULL OR target = :target)
         AND (CAST(:since AS float8) IS NULL OR created_at >= to_timestamp(CAST(:since AS float8) / 1000))
         AND (CAST(:until AS float8) IS NULL OR created_at < to_timestamp(CAST(:until AS float8) / 1000))
         AND (CAST(:unchangedSince AS float8) IS NULL
              OR coalesce(finished_at, started_at, created_at) < to_timestamp(CAST(:unchangedSince AS float8) / 1000))
         AND (CAST(:after AS uuid) IS NULL
              OR (created_at, jobs.id) < (SELECT a.created_at, a.id FROM matrix_admin.jobs a WHERE a.id = :after))
       ORDER BY created_at DESC, jobs.id DESC OFFSET :offset LIMIT :limit`,
      {
        kind: kind ?? null,
        state: state ?? null,
        target: target ?? null,
        since: since ?? null,
        until: until ?? null,
        unchangedSince: unchangedSince ?? null,
        after: after ?? null,
        offset,
        limit,
      },
    ),
  );
}

/**
 * Requests the cancellation of a job. A queued job also becomes due at once, so that a process soon claims it and ends it.
 * Changes nothing if the job has ended.
 */
export async function requestCancel(db: Db, id: string): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.jobs SET cancel_requested = true, run_after = clock_timestamp() WHERE id = ? AND ${UNFINISHED}`,
    [id],
  );
}

/**
 * Claims a job for a process: a queued job that is due, or a running job whose lease has expired. Makes it a running job,
 * counts one more attempt, and gives the process the lease for `leaseMs`. Only the process with the lease may run the job. If
 * the job was running already, its count of failures rises by one if it has made no progress since it was last claimed, and
 * otherwise becomes 0.
 * @param kinds only jobs of these kinds
 * @param claim `owner`: id of the process. `except`: ids of jobs to leave out
 * @returns `undefined` if there is no such job
 */
export async function claimJob(
  db: Knex,
  kinds: readonly string[],
  { owner, leaseMs, except }: { readonly owner: string; readonly leaseMs: number; readonly except: readonly string[] },
): Promise<Job | undefined> {
  const [job] = await jobsOf(
    db.raw(
      `WITH due AS (
         SELECT jobs.id, ${DONE} AS done FROM matrix_admin.jobs
         WHERE kind = ANY(:kinds) AND id <> ALL(CAST(:except AS uuid[])) AND ((state = 'queued' AND run_after <= clock_timestamp())
                                       OR (state = 'running' AND lease_until < clock_timestamp()))
         ORDER BY run_after FOR UPDATE OF jobs SKIP LOCKED LIMIT 1)
       UPDATE matrix_admin.jobs SET state = 'running', attempts = attempts + 1,
         failures = CASE WHEN state = 'queued' THEN failures WHEN due.done > done_at_claim THEN 0 ELSE failures + 1 END,
         done = due.done, done_at_claim = due.done, started_at = coalesce(started_at, clock_timestamp()),
         lease_owner = :owner, lease_until = clock_timestamp() + :leaseMs * interval '1 ms'
       FROM due WHERE jobs.id = due.id RETURNING ${COLUMNS.replaceAll(`${DONE} AS done`, 'due.done AS done')}`,
      { kinds: [...kinds], owner, leaseMs, except: [...except] },
    ),
  );
  return job;
}

/**
 * Lists the running jobs of these kinds that a process other than `owner` claimed last, even if the lease of that process has
 * expired. Leaves out jobs that are to be cancelled.
 */
export async function listLedByOthers(db: Knex, kinds: readonly string[], owner: string): Promise<Job[]> {
  return jobsOf(
    db.raw(
      `SELECT ${COLUMNS} FROM matrix_admin.jobs
       WHERE kind = ANY(?) AND state = 'running' AND NOT cancel_requested AND lease_owner <> ?`,
      [[...kinds], owner],
    ),
  );
}

/** Deletes the ranges and the items of the given jobs. */
export async function deleteWorkOf(transaction: Knex.Transaction, jobIds: readonly string[]): Promise<void> {
  await transaction.raw('DELETE FROM matrix_admin.job_ranges WHERE job_id = ANY(?)', [[...jobIds]]);
  await transaction.raw('DELETE FROM matrix_admin.job_items WHERE job_id = ANY(?)', [[...jobIds]]);
}

/**
 * Deletes jobs that ended more than `retentionMs` ago. Keeps a job that still needs a clean-up: a process still has to remove
 * what the job has left behind.
 */
export async function removeFinishedJobs(db: Knex, retentionMs: number): Promise<void> {
  await db.raw(
    `DELETE FROM matrix_admin.jobs
     WHERE finished_at < clock_timestamp() - ?::bigint * interval '1 ms' AND NOT needs_clean_up`,
    [retentionMs],
  );
}
