import type { Knex } from 'knex';
import { describeError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { renewLease } from '../storage/plugin/led-jobs.ts';
import type { Job } from './job.ts';
import { repeat } from './repeat.ts';

/**
 * Why a job must stop running in this process: the process stops its jobs, the job was cancelled, or another process may run
 * it.
 */
export type StopReason = 'stopped' | 'cancelled' | 'lease lost';

const LONGEST_INTERVAL_MS = 1_000;
const LOG_INTERVAL_MS = 5_000;
/** Weight of the newest measurement in the smoothed rate of progress. */
const SMOOTHING = 0.4;

export interface Heartbeat {
  /** Renews the lease now. Aborts the job's run if the job must stop. */
  readonly beat: () => Promise<void>;
  /** Stops the heartbeat. Resolves when the last renewal has ended. */
  readonly stop: () => Promise<void>;
}

/**
 * Renews the lease of a job that this process runs, measures how fast the job progresses, and logs the progress. Aborts the
 * `controller` with a `StopReason` when the job must stop. A lease is the time for which one process alone may run the job.
 */
export function startHeartbeat(
  { db, job, owner, leaseMs, log }: { db: Knex; job: Job; owner: string; leaseMs: number; log: Logger },
  controller: AbortController,
): Heartbeat {
  const interval = Math.min(leaseMs / 4, LONGEST_INTERVAL_MS);
  let last = { at: Date.now(), done: job.done };
  let rate: number | undefined;
  let heardAt = Date.now();
  let loggedAt = Date.now();

  const stopFor = (reason: StopReason): void => controller.abort(reason);

  const measure = (done: number): void => {
    const now = Date.now();
    if (done === last.done || now === last.at) return;
    const current = ((done - last.done) * 1_000) / (now - last.at);
    rate = rate === undefined ? current : SMOOTHING * current + (1 - SMOOTHING) * rate;
    last = { at: now, done };
  };

  const report = (done: number, total: number | undefined): void => {
    if (Date.now() - loggedAt < LOG_INTERVAL_MS) return;
    loggedAt = Date.now();
    const etaMs = rate && total !== undefined ? Math.round(((total - done) / rate) * 1_000) : undefined;
    log.info({ done, total, rate: rate && Math.round(rate), etaMs }, 'Job is running');
  };

  const beat = async (): Promise<void> => {
    try {
      const renewed = await renewLease(db, job.id, owner, leaseMs, rate);
      if (renewed === undefined) return stopFor('lease lost');
      heardAt = Date.now();
      if (renewed.cancelRequested) return stopFor('cancelled');
      measure(renewed.done);
      report(renewed.done, renewed.total);
    } catch (error) {
      log.warn({ error: describeError(error) }, 'Could not renew the lease of a job');
    }
  };

  const beats = repeat(beat, interval);
  // This timer notices an expired lease even while a beat waits for a database that does not answer.
  const watch = setInterval(() => {
    if (Date.now() - heardAt > leaseMs) stopFor('lease lost');
  }, interval);
  return {
    beat,
    stop: async () => {
      clearInterval(watch);
      await beats.stop();
    },
  };
}
