import type { Knex } from 'knex';
import type { Logger } from '../host.ts';
import { JobInterrupted } from '../jobs/job.ts';
import { repeat } from '../jobs/repeat.ts';
import type { Metrics } from '../metrics.ts';
import { allEnded } from '../storage/database.ts';
import { advanceRange, claimRange, type HeldRange, releaseRange, renewRange } from '../storage/plugin/job-ranges.ts';
import { type Edit, insertEdits } from '../storage/plugin/search-changes.ts';
import { type EventContent, encryptedRooms, readOutputEvents } from '../storage/syncapi/output-room-events.ts';
import { transact } from '../storage/transact.ts';
import { editedEventId, plainDocumentOf, SEARCHABLE_TYPES } from './document.ts';
import type { RebuildRef, SearchDocument, SearchIndex } from './search-index.ts';

/**
 * A batch has `SearchIndex.batchSize` rows if the JSON of an event is on average at most this long, in UTF-16 code units. If
 * the events are longer, a batch has fewer rows.
 */
const ROW_LENGTH = 1_200;
/**
 * Maximum number of rows in a lane's first batch, before the lane knows how long the events are. A lane is one of several loops
 * that load ranges in parallel.
 */
const FIRST_ROWS = 250;

/**
 * Number of the reindex's database connections that its lanes leave free for renewing leases. A renewal takes little time, but
 * must not wait until a batch ends.
 */
const CONNECTIONS_FOR_LEASES = 1;

export interface LoadSettings {
  readonly db: Knex;
  readonly index: SearchIndex;
  readonly metrics: Metrics;
  readonly leaseMs: number;
  /** Maximum number of database connections that a reindex uses at once in this process. Must be at least 2. */
  readonly connections: number;
}

interface LoadRun {
  readonly rebuild: RebuildRef;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Loads ranges of a reindex into the new index until no range is free or the signal is aborted. A range is a part of the
 * events. A process takes a lease on a range before it loads the range, so no other process loads it at the same time. Several
 * processes may call this function at once. If one lane fails, the other lanes stop after their current batch, and the function
 * throws the error.
 */
export async function loadRanges(settings: LoadSettings, run: LoadRun): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  const lanes = Math.min(settings.index.lanes, settings.connections - CONNECTIONS_FOR_LEASES);
  await allEnded(
    Array.from({ length: lanes }, () =>
      lane(settings, { ...run, signal }).catch((error: unknown) => {
        failed.abort();
        throw error;
      }),
    ),
  );
}

/** How fast a lane reads: `rows` is the number of rows that it reads in its next batch. */
interface Pace {
  rows: number;
}

async function lane(settings: LoadSettings, run: LoadRun): Promise<void> {
  const { db, leaseMs } = settings;
  const jobId = run.rebuild.id;
  const pace: Pace = { rows: Math.min(FIRST_ROWS, settings.index.batchSize) };
  while (!run.signal.aborted) {
    const range = await claimRange(db, jobId, run.owner, leaseMs);
    if (range === undefined) return;
    const held = { jobId, range, owner: run.owner, leaseMs };
    const renewal = repeat(() => renewRange(db, held).catch(() => {}), leaseMs / 3);
    try {
      await loadRange(settings, run, held, pace);
    } catch (error) {
      if (error instanceof JobInterrupted) return;
      throw error;
    } finally {
      await renewal.stop();
      await releaseRange(db, held);
    }
  }
}

async function loadRange(settings: LoadSettings, run: LoadRun, held: HeldRange, pace: Pace): Promise<void> {
  const { db, index, metrics } = settings;
  const { range } = held;
  let at = { position: range.position, finished: false };
  while (!at.finished && !run.signal.aborted) {
    const endTimer = metrics.searchBatchDuration.startTimer({ engine: index.engine });
    const from = at.position;
    const read = { position: from, upper: range.upper };
    const { events, length, ...next } = await readOutputEvents(db, SEARCHABLE_TYPES, read, pace.rows);
    pace.rows = nextRows(pace.rows, index.batchSize, { rows: events.length, length });
    const { documents, edits } = await documentsOf(db, events);
    const step = { ...next, from, rows: events.length };
    await index.rebuild.load(run.rebuild, documents, (write) =>
      transact(db, async (transaction) => {
        // `advanceRange()` runs before the write, so that nothing is written if another process has ended the reindex or taken
        // over the range.
        if (!(await advanceRange(transaction, held, step))) throw new JobInterrupted();
        await write(transaction);
        await insertEdits(transaction, edits);
      }),
    );
    at = next;
    endTimer();
    metrics.searchBatches.inc({ engine: index.engine });
    const counts = { events: events.length, documents: documents.length };
    run.log.debug({ range: range.rangeNo, position: at.position, ...counts }, 'Indexed a batch');
  }
}

/**
 * Estimates from the last batch how many rows the next batch should have. Returns at least 1, and at most `full` and twice as
 * many rows as before.
 */
function nextRows(before: number, full: number, read: { readonly rows: number; readonly length: number }): number {
  if (read.rows === 0) return before;
  const fitting = Math.floor((full * ROW_LENGTH * read.rows) / Math.max(read.length, 1));
  return Math.max(Math.min(fitting, before * 2, full), 1);
}

/**
 * Makes the search documents of events. Ignores events in encrypted rooms. Returns edits separately, without making documents
 * of them. The reindex applies the edits at its end, when it has loaded all events that the edits may edit.
 */
async function documentsOf(
  db: Knex,
  events: readonly EventContent[],
): Promise<{ documents: SearchDocument[]; edits: Edit[] }> {
  const encrypted = await encryptedRooms(db, [...new Set(events.map(({ roomId }) => roomId))]);
  const documents: SearchDocument[] = [];
  const edits: Edit[] = [];
  for (const event of events) {
    if (encrypted.has(event.roomId)) continue;
    const original = editedEventId(event.type, event.content);
    const document = original === undefined ? plainDocumentOf(event) : undefined;
    if (original !== undefined) edits.push({ edit: event.eventId, original });
    if (document !== undefined) documents.push(document);
  }
  return { documents, edits };
}
