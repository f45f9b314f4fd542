import type { Knex } from 'knex';
import {
  type DocumentQuery,
  type FoundDocuments,
  findInRooms,
  findWithLexemes,
  measureRooms,
  type PositionWindow,
  prepareSearch,
  type RoomSpread,
} from '../../storage/plugin/find-documents.ts';
import { type Sample, sampleDocuments } from '../../storage/plugin/sampled-documents.ts';
import { transact } from '../../storage/transact.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchExpression } from '../analysis/expression.ts';
import type { SearchHit, SearchPage, SearchQuery } from '../search-index.ts';
import { candidatesOf, countedLexemes, entriesOf } from './candidates.ts';
import { cursorOf, type PageStart, parseCursor } from './cursor.ts';
import { RANK_WEIGHTS, tsqueryOf } from './lexemes.ts';

/**
 * Bounds of the work for one page. All numbers of documents are approximate. "The rooms" are the rooms in which the user
 * searches. "The index of lexemes" is the database index that finds documents by their lexemes. "Candidates" are the documents
 * that the index of lexemes finds for a search.
 */
export interface SearchLimits {
  /** Number of documents of the rooms that a search reads first. These are the newest documents. */
  readonly firstRead: number;
  /** Maximum number of documents of the rooms that a search reads after the first documents. */
  readonly maxRead: number;
  /**
   * Maximum time for reading documents of the rooms after the first documents, in ms. The search computes from the time of the
   * first documents how many documents it can read in this time.
   */
  readonly readMs: number;
  /** Number of documents in the sample from which a search estimates how frequent lexemes are. */
  readonly sampled: number;
  /**
   * Maximum number of candidates. With more candidates, a search does not use the index of lexemes. A ranked search then tries
   * to rank this number of hits in one window.
   */
  readonly maxCandidates: number;
  /** Maximum number of entries of the index of lexemes. With more entries to read, a search does not use this index. */
  readonly maxEntries: number;
}

export const SEARCH_LIMITS: SearchLimits = {
  firstRead: 1_000,
  maxRead: 10_000,
  readMs: 20,
  sampled: 3_000,
  maxCandidates: 10_000,
  maxEntries: 60_000,
};

/** The upper end of the first window. It is above all stream positions. */
const NEWEST = 999_999_999_999_999;

/**
 * Searches in bounded time. A search for rare words reads the documents that the index of lexemes names. A search for frequent
 * words reads the newest documents of the rooms, and stops when the page is full. If the words are frequent elsewhere but rare
 * in the rooms, the page has fewer hits, and the next page continues where this page has stopped. Hits are ranked within a
 * window of stream positions, which ends where reading stopped. The next window has older hits.
 */
export async function searchWithin(
  db: Knex,
  { after: cursor, ...query }: SearchQuery,
  analysis: SearchAnalysis,
  limits: SearchLimits,
): Promise<SearchPage> {
  const start = cursor === undefined ? undefined : parseCursor(query.order, cursor);
  const expression = analysis.parse(query.term);
  const candidates = expression && candidatesOf(expression);
  const rooms = [...new Set(query.rooms)];
  if (expression === undefined || candidates === undefined || rooms.length === 0) return { hits: [], count: 0 };
  const search = { ...query, rooms, tsquery: tsqueryOf(expression), weights: RANK_WEIGHTS, limit: query.limit + 1 };
  return transact(db, async (transaction) => {
    await prepareSearch(transaction);
    return pageOf(query, await findPage({ db: transaction, search, candidates, limits }, start), start);
  });
}

interface FoundPage {
  /** The hits of the page, and one more hit if the window has more hits than fit on the page. */
  readonly hits: readonly SearchHit[];
  /** The interval of stream positions that the search has read for the page. */
  readonly window: PositionWindow;
  /**
   * Number of all hits, or an estimate of it. The search uses only the count of the first page, and repeats it on later pages.
   */
  readonly count: number;
}

function pageOf(
  { order, limit }: Omit<SearchQuery, 'after'>,
  { hits: found, window, count }: FoundPage,
  start: PageStart | undefined,
): SearchPage {
  const hits = found.slice(0, limit);
  const last = hits.at(-1);
  const counted = start?.count ?? Math.max(Math.round(count), hits.length);
  const next = (page: Omit<PageStart, 'count'>): SearchPage => ({
    hits,
    count: counted,
    next: cursorOf(order, { ...page, count: counted }),
  });
  if (found.length > limit && last !== undefined) {
    const rest = order === 'rank' ? window : { upper: last.streamPosition };
    return next({ window: rest, after: last });
  }
  return window.lower > 0 ? next({ window: { upper: window.lower }, after: undefined }) : { hits, count: counted };
}

/** The parts of a search that stay the same for all its reads of the database. */
interface Reading {
  readonly db: Knex.Transaction;
  readonly search: Omit<DocumentQuery, 'window' | 'after' | 'maxRead'>;
  /** The result of `candidatesOf()`. */
  readonly candidates: SearchExpression;
  readonly limits: SearchLimits;
}

type LastHit = DocumentQuery['after'];

/** The documents of the rooms that a search has read. `window` contains their stream positions. */
interface ReadDocuments extends FoundDocuments {
  readonly window: PositionWindow;
}

/** Finds the hits of the page that starts at `start`. `undefined` is the start of the first page. */
async function findPage(reading: Reading, start: PageStart | undefined): Promise<FoundPage> {
  if (start === undefined) return beginWindow(reading, NEWEST, undefined, true);
  const { window, after, count } = start;
  const { lower, upper } = window;
  if (lower === undefined) return beginWindow(reading, upper, after, false);
  return continueWindow(reading, { lower, upper }, after, count);
}

/** Finds the next hits in a window whose first page an earlier search has found. */
async function continueWindow(
  reading: Reading,
  window: PositionWindow,
  after: LastHit,
  count: number,
): Promise<FoundPage> {
  const mayReadCandidates = window.lower === 0 && (await estimate(reading)).isSelective;
  const selected = mayReadCandidates ? await readCandidates(reading, window, after) : undefined;
  return selected ?? { ...(await readRooms(reading, window, reading.limits.maxRead, after)), count };
}

/**
 * Finds the first hits of a new window, which ends at the stream position `upper`. Reads the newest documents of the rooms
 * first. If they do not fill the page, reads all candidates if there are few enough, or more documents of the rooms if there
 * are many.
 */
async function beginWindow(reading: Reading, upper: number, after: LastHit, isFirstPage: boolean): Promise<FoundPage> {
  const { db, search, limits } = reading;
  const { rooms, order, limit } = search;
  const each = Math.max(Math.ceil(limits.firstRead / rooms.length), 4);
  const spread = await measureRooms(db, { rooms, upper, each });
  const top = Math.min(upper, spread.newest);
  if (top === 0) return { hits: [], window: { lower: 0, upper }, count: 0 };

  const { first, msPerDocument } = await readNewest(reading, top, spread, after);
  const isFull = order === 'recent' && first.hits.length >= limit;
  // If the window reaches down to 0, the rooms have no older documents. If the page is full, only the first page needs more: an
  // estimate of the number of all hits, which its cursor passes on to the later pages.
  if (first.window.lower === 0 || (isFull && !isFirstPage)) return { ...first, count: first.found };

  const sample = await estimate(reading);
  const selected = sample.isSelective ? await readCandidates(reading, { lower: 0, upper: top }, after) : undefined;
  if (selected !== undefined) return selected;
  const count = hitsInRooms(first, sample);
  if (isFull) return { ...first, count };

  const size = sizeOfSecondRead(reading, first, msPerDocument);
  const density = first.read / (first.window.upper - first.window.lower) || spread.density;
  const lower = lowerEnd(spread, first.window.lower, size, density);
  if (order === 'rank') {
    // All hits of a window are ranked among each other, so the search reads the first documents once more.
    return { ...(await readRooms(reading, { lower, upper: top }, size + first.read, after)), count };
  }
  const second = await readRooms(reading, { lower, upper: first.window.lower }, size, undefined);
  const hits = [...first.hits, ...second.hits].slice(0, limit);
  return { hits, window: second.window, count: Math.max(count, hits.length) };
}

/** Reads about `firstRead` documents of the rooms, the newest up to the stream position `top`, and measures the time. */
async function readNewest(
  reading: Reading,
  top: number,
  spread: RoomSpread,
  after: LastHit,
): Promise<{ readonly first: ReadDocuments; readonly msPerDocument: number }> {
  const { firstRead } = reading.limits;
  const startedAt = performance.now();
  const window = { lower: lowerEnd(spread, top, firstRead, spread.density), upper: top };
  const first = await readRooms(reading, window, firstRead, after);
  return { first, msPerDocument: (performance.now() - startedAt) / Math.max(first.read, firstRead) };
}

/**
 * Returns the lower end of a window below the stream position `from` that has about `documents` documents of the rooms.
 * Returns 0, the lowest end, if `spread` covers all documents of the rooms.
 * @param density number of documents of the rooms per stream position
 */
function lowerEnd(spread: RoomSpread, from: number, documents: number, density: number): number {
  if (spread.isComplete) return 0;
  return Math.max(from - Math.max(Math.ceil(documents / density), 1), 0);
}

/**
 * Estimates the number of all hits from the sample. If the sample has no hit, estimates it from the first documents that the
 * search has read.
 */
function hitsInRooms(first: ReadDocuments, sample: Sample): number {
  if (sample.found > 0) return sample.found;
  return first.read === 0 ? 0 : (first.found / first.read) * sample.inRooms;
}

/**
 * Returns how many documents of the rooms the search reads after the first documents: as many as probably complete the page,
 * but no more than the limits allow.
 */
function sizeOfSecondRead({ search, limits }: Reading, first: ReadDocuments, msPerDocument: number): number {
  const { firstRead, maxRead, readMs, maxCandidates } = limits;
  const allowed = Math.max(Math.min(maxRead, Math.floor(readMs / msPerDocument)), firstRead);
  if (first.found === 0) return allowed;
  const missing = search.order === 'rank' ? maxCandidates : search.limit - first.hits.length;
  return Math.min(Math.ceil((missing * first.read * 1.5) / first.found), allowed);
}

/**
 * Estimates how frequent the lexemes of the search are. `isSelective` tells whether the number of candidates and the number of
 * index entries to read are within the limits.
 */
async function estimate({
  db,
  search,
  candidates,
  limits,
}: Reading): Promise<Sample & { readonly isSelective: boolean }> {
  const counted = countedLexemes(candidates);
  const others = [tsqueryOf(candidates), ...counted];
  const sample = await sampleDocuments(db, { ...search, others, size: limits.sampled });
  const [matching = 0, ...counts] = sample.others;
  const entries = entriesOf(candidates, new Map(counted.map((lexeme, index) => [lexeme, counts[index] ?? 0])));
  return { ...sample, isSelective: matching <= limits.maxCandidates && entries <= limits.maxEntries };
}

/**
 * Reads all candidates, and finds the hits in the window among them. Returns `undefined` if there are at least twice
 * `maxCandidates` candidates, which means that the estimate was wrong.
 */
async function readCandidates(
  { db, search, candidates, limits }: Reading,
  window: PositionWindow,
  after: LastHit,
): Promise<FoundPage | undefined> {
  const maxRead = limits.maxCandidates * 2;
  const { hits, read, found } = await findWithLexemes(db, { ...search, window, after, maxRead }, tsqueryOf(candidates));
  return read < maxRead ? { hits, window, count: found } : undefined;
}

/**
 * Reads the documents of the rooms that are in the window. If there are far more than `expected`, reads only the newer part of
 * the window.
 */
async function readRooms(
  reading: Reading,
  { lower, upper }: PositionWindow,
  expected: number,
  after: LastHit,
): Promise<ReadDocuments> {
  const width = upper - lower;
  const maxRead = width === 1 ? 2 ** 31 - 1 : expected * 2 + reading.limits.firstRead;
  const found = await findInRooms(reading.db, { ...reading.search, window: { lower, upper }, after, maxRead });
  if (found.read < maxRead) return { ...found, window: { lower, upper } };
  return readRooms(reading, { lower: upper - Math.ceil(width / 4), upper }, expected, after);
}
