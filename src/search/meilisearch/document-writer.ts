import type { SearchMetrics } from '../../metrics.ts';
import type { SearchDocument, SearchWrites } from '../search-index.ts';
import { ENGINE, type EngineClient } from './client.ts';
import { documentId, lineOf, roomKey } from './documents.ts';
import { EngineError } from './engine-error.ts';
import { createGate } from './gate.ts';
import { inFilter } from './query.ts';
import { type TaskOutcome, type Tasks, taskError } from './tasks.ts';

interface Line {
  readonly eventId: string;
  readonly json: string;
}

/** Document ids in one request. */
const REMOVALS_AT_ONCE = 10_000;
/** Rooms in one filter; the engine's time for a list grows with its square. */
const ROOMS_AT_ONCE = 400;
/** A payload whose task the engine does not know of is sent again this often. */
const UNKNOWN_ATTEMPTS = 3;
/** A document that failed alone is tried again this often: another process may have had bad luck in the same batch. */
const LONE_ATTEMPTS = 3;
/** What Meilisearch says when a batch failed as a whole, through no fault of most of its documents. */
const BATCH_FAILURES: ReadonlySet<string> = new Set([
  'internal',
  'io_error',
  'no_space_left_on_device',
  'too_many_open_files',
]);

export interface DocumentWriter {
  /**
   * Adds or replaces documents. Returns when they can be found.
   * @throws EngineError that names the events that Meilisearch does not take; all others have been written.
   */
  readonly add: (indexUid: string, documents: readonly SearchDocument[]) => Promise<void>;
  /** Returns when all of it is visible. */
  readonly write: (indexUid: string, writes: SearchWrites) => Promise<void>;
}

export function createDocumentWriter(
  client: EngineClient,
  tasks: Tasks,
  metrics: SearchMetrics,
  payloadBytes: number,
): DocumentWriter {
  const gate = createGate();

  /** One payload, one task. A payload that is too large for the server becomes two. */
  const send = async (indexUid: string, lines: readonly Line[]): Promise<TaskOutcome> => {
    for (let attempt = 1; ; attempt += 1) {
      const taskUid = await client.addDocuments(indexUid, lines.map(({ json }) => json).join('\n'));
      const outcome = await tasks.wait(taskUid);
      if (outcome.status === 'succeeded') checkCount(taskUid, outcome.indexedDocuments, lines.length);
      else if (outcome.status !== 'unknown' && !isBatchFailure(outcome)) throw taskError(taskUid, outcome);
      if (outcome.status !== 'unknown' || attempt >= UNKNOWN_ATTEMPTS) return outcome;
    }
  };

  /** Sends lines while nobody else of this process does, in halves until those that fail alone are known. */
  const isolate = async (indexUid: string, lines: readonly Line[]): Promise<string[]> => {
    const attempts = lines.length === 1 ? LONE_ATTEMPTS : 1;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      if ((await send(indexUid, lines)).status === 'succeeded') return [];
    }
    if (lines.length === 1) return lines.map(({ eventId }) => eventId);
    const [first, second] = halves(lines);
    return [...(await isolate(indexUid, first)), ...(await isolate(indexUid, second))];
  };

  const addLines = async (indexUid: string, lines: readonly Line[]): Promise<string[]> => {
    try {
      const outcome = await gate.shared(() => send(indexUid, lines));
      return outcome.status === 'succeeded' ? [] : await gate.exclusive(() => isolate(indexUid, lines));
    } catch (error) {
      if (!(error instanceof EngineError) || error.status !== 413) throw error;
      if (lines.length === 1) return lines.map(({ eventId }) => eventId);
      const [first, second] = halves(lines);
      return [...(await addLines(indexUid, first)), ...(await addLines(indexUid, second))];
    }
  };

  const add = async (indexUid: string, documents: readonly SearchDocument[]): Promise<void> => {
    const newest = new Map(documents.map((document) => [document.eventId, document]));
    const lines = [...newest.values()].map((document) => ({ eventId: document.eventId, json: lineOf(document) }));
    const refused: string[] = [];
    for (const payload of payloadsOf(lines, payloadBytes)) refused.push(...(await addLines(indexUid, payload)));
    metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, lines.length - refused.length);
    if (refused.length === 0) return;
    throw new EngineError('task', `Meilisearch does not take ${refused.length} events: ${refused.join(' ')}`);
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

function isBatchFailure(outcome: TaskOutcome): boolean {
  return outcome.status === 'failed' && outcome.code !== undefined && BATCH_FAILURES.has(outcome.code);
}

/** A task may succeed without a document: when the index was cleared or deleted in the same batch. */
function checkCount(taskUid: number, indexed: number | undefined, sent: number): void {
  if (indexed === sent) return;
  throw new EngineError('task', `Meilisearch: task ${taskUid} indexed ${indexed ?? 'none'} of ${sent} documents`);
}

/** Lines in order, together at most `maxBytes` long unless one alone is longer. */
function payloadsOf(lines: readonly Line[], maxBytes: number): Line[][] {
  const payloads: Line[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const length = Buffer.byteLength(line.json) + 1;
    bytes += length;
    if (bytes > maxBytes) {
      payloads.push([]);
      bytes = length;
    }
    payloads.at(-1)?.push(line);
  }
  return payloads;
}

function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
