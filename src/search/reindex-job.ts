import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { type Job, type JobData, JobInterrupted, type JobKind, type JobRun } from '../jobs/job.ts';
import { isLockTimeout, lockSearch } from '../storage/database.ts';
import { insertRanges, rangeSummary } from '../storage/plugin/job-ranges.ts';
import { beginRebuild, drawVersion, endRebuild, indexState, listEdited } from '../storage/plugin/search-changes.ts';
import { measureEvents } from '../storage/syncapi/output-room-events.ts';
import { transact } from '../storage/transact.ts';
import type { SearchAnalysis } from './analysis/analysis.ts';
import { type Delivery, deliverChanges } from './delivery.ts';
import { deriveWrites } from './derive-writes.ts';
import { SEARCHABLE_TYPES } from './document.ts';
import { type LoadSettings, loadRanges } from './load-ranges.ts';
import type { RebuildRef } from './search-index.ts';

/**
 * Number of batches in one range. A range is a part of the events, which one process loads at a time. The number is small, so
 * that several processes can share the work even on a small homeserver.
 */
const BATCHES_PER_RANGE = 2;
const EDITS_PER_STEP = 500;
const WAIT_FOR_OTHERS_MS = 200;
const LOCK_RETRY_MS = 1_000;

/**
 * How far a reindex has come. The phases are, in this order: `load` writes all searchable events except edits to the new index,
 * `build` builds what is cheaper to build after that, `edits` applies the edits of events, and `swap` replaces the live index.
 * `editedUpTo` is the id of the last event whose edits have been applied. A process can resume or repeat each phase. `marker`
 * identifies the content of the new index.
 */
type Checkpoint =
  | { readonly phase: 'load' | 'build' | 'swap'; readonly marker: string }
  | { readonly phase: 'edits'; readonly marker: string; readonly editedUpTo: string };

function checkpointOf(data: JobData | undefined): Checkpoint | undefined {
  if (data === undefined || typeof data.marker !== 'string') return undefined;
  const { phase, marker, editedUpTo } = data;
  if (phase === 'edits') return { phase, marker, editedUpTo: typeof editedUpTo === 'string' ? editedUpTo : '' };
  return phase === 'load' || phase === 'build' || phase === 'swap' ? { phase, marker } : undefined;
}

/** The result of a reindex. */
export interface Reindexed {
  /** Number of events in the new index. */
  readonly documents: number;
  readonly durationMs: number;
  /** Number of processes that have loaded events. */
  readonly processes: number;
}

/**
 * The functions of the job that fills a new search index beside the live index, and then replaces the live index with the new
 * index.
 */
export interface Reindex extends Required<Pick<JobKind, 'assist'>> {
  readonly run: (run: JobRun) => Promise<Reindexed>;
  /** Removes an unfinished new index, and ends the recording of changes for it. */
  readonly cleanUp: (job: Job) => Promise<void>;
}

interface ReindexSettings extends LoadSettings {
  readonly analysis: SearchAnalysis;
  readonly delivery: Delivery | undefined;
}

export function createReindex(settings: ReindexSettings): Reindex {
  const { db, index } = settings;
  return {
    run: (run) => reindex(settings, run),
    assist: async ({ job, owner, signal, log }) => {
      const checkpoint = checkpointOf(job.checkpoint);
      if (checkpoint?.phase !== 'load') return;
      await loadRanges(settings, { rebuild: { id: job.id, marker: checkpoint.marker }, owner, signal, log });
    },
    cleanUp: async (job) => {
      await untilLocked(() =>
        transact(db, async (transaction) => {
          // `lockSearch()` waits for the transactions that record changes for this reindex. After the commit, no transaction
          // records such changes.
          await lockSearch(transaction);
          await endRebuild(transaction, index.engine, job.id, { swapped: undefined });
        }),
      );
      await index.rebuild.abort(job.id);
    },
  };
}

async function reindex(settings: ReindexSettings, run: JobRun): Promise<Reindexed> {
  const { db, index } = settings;
  const startedAt = run.job.startedAt ?? Date.now();
  let checkpoint = checkpointOf(run.job.checkpoint) ?? (await begin(settings, run));
  const rebuild: RebuildRef = { id: run.job.id, marker: checkpoint.marker };
  const moveTo = async (next: Checkpoint, work?: (transaction: Knex.Transaction) => Promise<void>): Promise<void> => {
    checkpoint = await run.commit(async (transaction) => {
      await work?.(transaction);
      return { checkpoint: next, phase: next.phase, value: next };
    });
  };

  if (checkpoint.phase === 'load') {
    await load(settings, run, rebuild);
    await moveTo({ phase: 'build', marker: rebuild.marker });
  }
  if (checkpoint.phase === 'build') {
    await index.rebuild.finishLoad(rebuild);
    await moveTo({ phase: 'edits', marker: rebuild.marker, editedUpTo: '' });
  }
  while (checkpoint.phase === 'edits') {
    const edited = await listEdited(db, checkpoint.editedUpTo, EDITS_PER_STEP);
    const last = edited.at(-1);
    const next: Checkpoint =
      last === undefined
        ? { phase: 'swap', marker: rebuild.marker }
        : { phase: 'edits', marker: rebuild.marker, editedUpTo: last };
    const writes = await deriveWrites(db, edited, await drawVersion(db));
    await moveTo(next, (transaction) => index.rebuild.write(rebuild, writes, transaction));
  }
  const { processes } = await rangeSummary(db, run.job.id);
  await swap(settings, run, rebuild);
  const { documents } = await index.stats();
  const durationMs = Date.now() - startedAt;
  run.log.info({ documents, durationMs, processes }, `Indexed ${documents} events in ${durationMs / 1_000} s`);
  return { documents, durationMs, processes };
}

/**
 * Begins a reindex: removes the unfinished index of an earlier reindex, creates the new index, and splits the events into
 * ranges. From then on, the plugin also records changes for the new index, so that no change is lost while the reindex reads
 * events.
 */
async function begin(
  { db, index, analysis }: ReindexSettings,
  { job, commit, log, signal }: JobRun,
): Promise<Checkpoint> {
  const { rebuild: earlier } = await indexState(db, index.engine);
  if (earlier !== undefined && earlier.id !== job.id) await index.rebuild.abort(earlier.id);
  const marker = await index.rebuild.begin(job.id);
  await untilLocked(
    () =>
      commit(async (transaction) => {
        // `lockSearch()` waits for the transactions that began to change the index before the reindex. Their changes are not
        // recorded for the new index, so the reindex must read their events.
        await lockSearch(transaction);
        await beginRebuild(transaction, index.engine, { id: job.id, marker }, analysis.id);
        return { checkpoint: {}, phase: 'load', value: undefined };
      }),
    signal,
  );
  const { total, ...ids } = await measureEvents(db, SEARCHABLE_TYPES);
  log.info({ total }, 'Starting to index events');
  return commit(async (transaction) => {
    const checkpoint = { phase: 'load', marker } as const;
    await insertRanges(transaction, job.id, ids, index.batchSize * BATCHES_PER_RANGE);
    return { checkpoint, phase: 'load', total, value: checkpoint };
  });
}

async function load(settings: ReindexSettings, run: JobRun, rebuild: RebuildRef): Promise<void> {
  const { owner, signal, log } = run;
  for (;;) {
    await loadRanges(settings, { rebuild, owner, signal, log });
    if (signal.aborted) throw new JobInterrupted();
    const { unfinished } = await rangeSummary(settings.db, run.job.id);
    if (unfinished === 0) return;
    await delay(WAIT_FOR_OTHERS_MS, undefined, { signal });
  }
}

/**
 * Applies the changes that were recorded during the reindex to the new index. While nothing else writes to either index,
 * applies the last of these changes, and replaces the live index with the new index.
 */
async function swap({ index, analysis, delivery }: ReindexSettings, run: JobRun, rebuild: RebuildRef): Promise<void> {
  const step = { checkpoint: { phase: 'swap', marker: rebuild.marker }, phase: 'swap' };
  // `catchUp()` reads the changes over the transaction's own connection, because transactions that wait for the lock may use
  // all other connections.
  const catchUp = (transaction: Knex.Transaction): Promise<boolean> =>
    deliverChanges(transaction, index.engine, 'for_rebuild', (writes) =>
      index.rebuild.write(rebuild, writes, transaction),
    );
  const finish = (): Promise<void> =>
    run.commit(async (transaction) => {
      if (index.transactional) await lockSearch(transaction);
      while (await catchUp(transaction));
      await index.rebuild.swap(rebuild, transaction);
      await endRebuild(transaction, index.engine, rebuild.id, { swapped: analysis.id });
      return { ...step, value: undefined };
    });
  while (await run.commit(async (transaction) => ({ ...step, value: await catchUp(transaction) })));
  await untilLocked(() => (delivery === undefined ? finish() : delivery.whilePaused(finish, run.signal)), run.signal);
}

/**
 * Calls `attempt`, which runs a transaction that takes a lock. If the transaction fails because it has waited too long for the
 * lock, calls `attempt` again after `LOCK_RETRY_MS`. Other transactions can proceed between the attempts.
 * @throws any other error of `attempt`
 */
async function untilLocked<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    await delay(LOCK_RETRY_MS, undefined, signal && { signal });
  }
}
