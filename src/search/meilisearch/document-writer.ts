import type { SearchMetrics } from '../../metrics.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import { EngineError } from '../engine-error.ts';
import { chunksOf, halves, type Line, payloadsOf } from '../payloads.ts';
import { pause } from '../retry.ts';
import type { SearchDocument, SearchWrites } from '../search-index.ts';
import { ENGINE, type EngineClient } from './client.ts';
import { documentId, lineOf, roomKey } from './documents.ts';
import { createGate } from './gate.ts';
import { inFilter } from './query.ts';
import { type TaskOutcome, type Tasks, taskError } from './tasks.ts';

/** Maximum number of documents that one request removes. */
const REMOVALS_AT_ONCE = 10_000;
/** Maximum number of rooms in one filter. Meilisearch's time for a list grows with the square of the list's length. */
const ROOMS_AT_ONCE = 400;
/** Maximum number of attempts to send a payload whose task fails for a temporary reason. */
const PAYLOAD_ATTEMPTS = 4;
/**
 * Maximum number of times that `isolate()` sends a single document. One failure does not prove that this document is the cause,
 * because Meilisearch may process it together with documents of another process.
 */
const LONE_ATTEMPTS = 3;
/** If more documents than this fail in one `add()`, the adapter assumes that their texts are not the cause, and gives up. */
const MAX_REFUSED = 20;
/** Error codes of failures that the documents do not cause, such as a full disk. */
const PASSING_FAILURES: ReadonlySet<string> = new Set(['io_error', 'no_space_left_on_device', 'too_many_open_files']);

export interface DocumentWriter {
  /**
   * Adds or replaces documents. Returns when searches can find them.
   * @throws EngineError `task` that names the events that Meilisearch refuses. If there are at most `MAX_REFUSED` such events,
   * all other documents have been written. After any other error, some documents may be missing.
   */
  readonly add: (indexUid: string, documents: readonly SearchDocument[]) => Promise<void>;
  /** Applies changes to the index. Returns when searches see all of them. */
  readonly write: (indexUid: string, writes: SearchWrites) => Promise<void>;
}

export interface DocumentWriterContext {
  readonly client: EngineClient;
  readonly tasks: Tasks;
  readonly metrics: SearchMetrics;
  readonly analysis: SearchAnalysis;
  /** Maximum size of a payload, in bytes. A payload is the body of one request that adds documents. */
  readonly payloadBytes: number;
  /** Wait before the first retry of a payload, in ms. */
  readonly retryDelayMs: number;
}

export function createDocumentWriter({
  client,
  tasks,
  metrics,
  analysis,
  payloadBytes,
  retryDelayMs,
}: DocumentWriterContext): DocumentWriter {
  const gate = createGate();

  /**
   * Sends one payload, several times if its task fails for a temporary reason.
   * @returns whether Meilisearch has written the payload. `false` means that Meilisearch failed on a document of this payload,
   * or on a document that it processed together with this payload.
   */
  const send = async (indexUid: string, lines: readonly Line[]): Promise<boolean> => {
    for (let attempt = 1; ; attempt += 1) {
      const taskUid = await client.addDocuments(indexUid, lines.map(({ text }) => text).join('\n'));
      const outcome = await tasks.wait(taskUid);
      if (outcome.status === 'succeeded') {
        checkCount(taskUid, outcome.indexedDocuments, lines.length);
        return true;
      }
      if (outcome.status === 'failed' && outcome.code === 'internal') return false;
      if (attempt >= PAYLOAD_ATTEMPTS || !mayPass(outcome)) throw taskError(taskUid, outcome);
      await pause(retryDelayMs * 2 ** attempt, client.signal);
    }
  };

  /**
   * Finds out which documents make Meilisearch fail, and writes all others. Splits the lines in halves until the failing lines
   * are known, and adds their event ids to `refused`. Throws if there are more than `MAX_REFUSED`. The caller must make sure
   * that this process sends no other payload at the same time.
   */
  const isolate = async (indexUid: string, lines: readonly Line[], refused: string[]): Promise<void> => {
    const attempts = lines.length === 1 ? LONE_ATTEMPTS : 1;
    for (let attempt = 1; attempt <= attempts; attempt += 1) if (await send(indexUid, lines)) return;
    if (lines.length === 1) refused.push(...lines.map(({ eventId }) => eventId));
    if (refused.length > MAX_REFUSED) throw refusal(refused);
    if (lines.length === 1) return;
    for (const half of halves(lines)) await isolate(indexUid, half, refused);
  };

  /**
   * Sends lines. If documents make Meilisearch fail, finds them with `isolate()`. If the payload is too large for Meilisearch
   * or a proxy, sends it in two halves. Adds a single document that is too large to `refused`.
   */
  const addLines = async (indexUid: string, lines: readonly Line[], refused: string[]): Promise<void> => {
    try {
      const isWritten = await gate.shared(() => send(indexUid, lines));
      if (!isWritten) await gate.exclusive(() => isolate(indexUid, lines, refused));
    } catch (error) {
      if (!(error instanceof EngineError) || error.status !== 413) throw error;
      if (lines.length === 1) refused.push(...lines.map(({ eventId }) => eventId));
      else for (const half of halves(lines)) await addLines(indexUid, half, refused);
    }
  };

  const add = async (indexUid: string, documents: readonly SearchDocument[]): Promise<void> => {
    const newest = new Map(documents.map((document) => [document.eventId, document]));
    const lines = [...newest.values()].map((document) => ({
      eventId: document.eventId,
      text: lineOf(document, analysis),
    }));
    const refused: string[] = [];
    for (const payload of payloadsOf(lines, payloadBytes)) await addLines(indexUid, payload, refused);
    metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, lines.length - refused.length);
    if (refused.length > 0) throw refusal(refused);
  };

  const remove = async (indexUid: string, { removals, removedRooms }: SearchWrites): Promise<void> => {
    const uids: number[] = [];
    for (const ids of chunksOf(removals.map(documentId), REMOVALS_AT_ONCE)) {
      uids.push(await client.deleteDocuments(indexUid, ids));
    }
    for (const keys of chunksOf(removedRooms.map(roomKey), ROOMS_AT_ONCE)) {
      uids.push(await client.deleteMatching(indexUid, inFilter('room_key', keys)));
    }
    await Promise.all(uids.map((uid) => tasks.settle(uid)));
  };

  return {
    add,
    write: async (indexUid, writes) => {
      await remove(indexUid, writes);
      await add(indexUid, writes.upserts);
    },
  };
}

/**
 * Tells whether the same payload may succeed if it is sent again: Meilisearch does not list the task, or Meilisearch lacked a
 * resource such as space on the disk.
 */
function mayPass(outcome: TaskOutcome): boolean {
  if (outcome.status === 'unknown') return true;
  return outcome.status === 'failed' && outcome.code !== undefined && PASSING_FAILURES.has(outcome.code);
}

function refusal(eventIds: readonly string[]): EngineError {
  return new EngineError('task', `Meilisearch refuses ${eventIds.length} events: ${eventIds.join(' ')}`);
}

/**
 * Throws if a task has not indexed all documents. A task may succeed without indexing the documents if Meilisearch cleared or
 * deleted the index in the same batch.
 */
function checkCount(taskUid: number, indexed: number | undefined, sent: number): void {
  if (indexed === sent) return;
  throw new EngineError('task', `Meilisearch: task ${taskUid} indexed ${indexed ?? 'none'} of ${sent} documents`);
}
