import type { Knex } from 'knex';
import { insertDailyJob } from '../storage/plugin/jobs.ts';
import type { JobData } from './job.ts';

/** A job that is queued once a day. */
export interface DailyJob {
  readonly kind: string;
  /** Identifies the work. Two unfinished jobs never have the same key. */
  readonly dedupeKey: string;
  readonly input: JobData;
  /** The name under which the audit shows who has started the job. */
  readonly createdBy: string;
}

const DAY_MS = 24 * 3_600_000;

/**
 * Queues each daily job, unless a job of its kind was queued within the last 24 hours, or an unfinished job does the same work.
 */
export async function queueDailyJobs(db: Knex, daily: readonly DailyJob[]): Promise<void> {
  for (const job of daily) await insertDailyJob(db, job, DAY_MS);
}
