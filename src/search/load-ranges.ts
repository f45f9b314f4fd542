import type { Knex } from 'knex';
import type { Logger } from '../host.ts';
import { JobInterrupted } from '../jobs/job.ts';
import type { Metrics } from '../metrics.ts';
import { advanceRange, claimRange, type HeldRange, releaseRange, renewRange } from '../storage/plugin/job-ranges.ts';
import { type Edit, insertEdits } from '../storage/plugin/search-changes.ts';
import { encryptedRooms, readEvents, type StoredEvent } from '../storage/syncapi/output-room-events.ts';
import { editedEventId, plainDocumentOf, SEARCHABLE_TYPES } from './document.ts';
import type { RebuildRef, SearchDocument, SearchIndex } from './search-index.ts';

export interface LoadSettings {
  readonly db: Knex;
  readonly index: SearchIndex;
  readonly metrics: Metrics;
  readonly leaseMs: number;
  /** Batches side by side, at most. */
  readonly connections: number;
}

interface LoadRun {
  readonly rebuild: RebuildRef;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Loads ranges of a rebuild into the shadow until none is free. Any number of processes may do so at once. */
export async function loadRanges(settings: LoadSettings, run: LoadRun): Promise<void> {
  const lanes = Math.min(settings.index.lanes, settings.connections);
  await Promise.all(Array.from({ length: lanes }, () => lane(settings, run)));
}

async function lane(settings: LoadSettings, run: LoadRun): Promise<void> {
  const { db, leaseMs } = settings;
  const jobId = run.rebuild.id;
  while (!run.signal.aborted) {
    const range = await claimRange(db, jobId, run.owner, leaseMs);
    if (range === undefined) return;
    const held = { jobId, range, owner: run.owner, leaseMs };
    const renewal = setInterval(() => void renewRange(db, held).catch(() => {}), leaseMs / 3);
    try {
      await loadRange(settings, run, held);
    } catch (error) {
      if (error instanceof JobInterrupted) return;
      throw error;
    } finally {
      clearInterval(renewal);
      await releaseRange(db, held);
    }
  }
}

async function loadRange(settings: LoadSettings, run: LoadRun, held: HeldRange): Promise<void> {
  const { db, index, metrics } = settings;
  const { range } = held;
  let { position } = range;
  let finished = false;
  while (!finished && !run.signal.aborted) {
    const endTimer = metrics.searchBatchDuration.startTimer({ engine: index.engine });
    const events = await readEvents(db, SEARCHABLE_TYPES, position, range.upper, index.batchSize);
    finished = events.length < index.batchSize;
    position = finished ? range.upper : (events.at(-1)?.streamPosition ?? range.upper);
    const { documents, edits } = await documentsOf(db, events);
    const step = { position, rows: events.length, finished };
    await index.rebuild.load(run.rebuild, documents, (write) =>
      db.transaction(async (transaction) => {
        await write(transaction);
        await insertEdits(transaction, edits);
        if (!(await advanceRange(transaction, held, step))) throw new JobInterrupted();
      }),
    );
    endTimer();
    metrics.searchBatches.inc({ engine: index.engine });
    run.log.debug({ range: range.rangeNo, position, events: events.length, documents: documents.length }, 'Indexed a batch');
  }
}

/** Edits are left to the end of the rebuild, when all that they may edit is there. */
async function documentsOf(
  db: Knex,
  events: readonly StoredEvent[],
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
