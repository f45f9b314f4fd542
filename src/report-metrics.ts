import type { Knex } from 'knex';
import type { Metrics } from './metrics.ts';
import { OPERATIONS } from './operations/operations.ts';
import { readQueueLengths } from './storage/federation/destinations.ts';
import { countJobs } from './storage/plugin/job-counts.ts';
import { countReports } from './storage/plugin/reports.ts';
import { readPoolUse } from './storage/pool-use.ts';
import { countReportsByStatus } from './storage/roomserver/event-reports.ts';

/** How long the plugin reuses the lengths of the federation queues, in ms. Counting a long queue takes time. */
const QUEUE_FRESHNESS_MS = 30_000;

/**
 * Sets the counters of operations to 0. At each scrape, reads the gauges from the connection pool and the database, but the
 * lengths of the federation queues at most once in `QUEUE_FRESHNESS_MS`.
 */
export function reportMetrics(db: Knex, metrics: Metrics): void {
  // The counters start with 0, so that PromQL's `increase()` counts the first call of an operation too.
  for (const operation of Object.keys(OPERATIONS)) {
    for (const outcome of ['ok', 'refused', 'failed']) metrics.operations.inc({ operation, outcome }, 0);
  }
  let queuesReadAt = 0;
  metrics.onScrape(async () => {
    for (const [state, count] of Object.entries(readPoolUse(db))) metrics.databaseConnections.set({ state }, count);
    if (Date.now() - queuesReadAt < QUEUE_FRESHNESS_MS) return;
    queuesReadAt = Date.now();
    const { pdus, edus } = await readQueueLengths(db);
    metrics.federationQueue.set({ type: 'pdu' }, pdus);
    metrics.federationQueue.set({ type: 'edu' }, edus);
  });
  metrics.onScrape(async () => {
    const counts = await countJobs(db);
    for (const { status, reports } of await countReportsByStatus(db)) {
      metrics.reports.set({ kind: 'event', status }, reports);
    }
    for (const { kind, status, reports } of await countReports(db)) metrics.reports.set({ kind, status }, reports);
    for (const gauge of ['jobs', 'jobOldestAge', 'jobProgress', 'jobLastProgress'] as const) metrics[gauge].reset();
    for (const { kind, state, jobs, oldestAgeSeconds, progress, lastProgressSeconds } of counts) {
      metrics.jobs.set({ kind, state }, jobs);
      if (state === 'queued' || state === 'running') metrics.jobOldestAge.set({ kind }, oldestAgeSeconds);
      if (progress !== null) metrics.jobProgress.set({ kind }, progress);
      if (lastProgressSeconds !== null) metrics.jobLastProgress.set({ kind }, lastProgressSeconds);
    }
  });
}
