import type { Knex } from 'knex';
import {
  type DocumentQuery,
  type FoundDocuments,
  findInRooms,
  findWithLexemes,
  measureRooms,
  type PositionWindow,
  prepareSearch,
} from '../../storage/plugin/find-documents.ts';
import { type Sample, sampleDocuments } from '../../storage/plugin/sampled-documents.ts';
import { transact } from '../../storage/transact.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchExpression } from '../analysis/expression.ts';
import type { SearchHit, SearchPage, SearchQuery } from '../search-index.ts';
import { candidatesOf, countedLexemes, entriesOf } from './candidates.ts';
import { cursorOf, type PageStart, parseCursor } from './cursor.ts';
import { RANK_WEIGHTS, tsqueryOf } from './lexemes.ts';

/** Bounds of the work for one page. */
export interface SearchLimits {
  /** Number of documents of the rooms that a search reads first, the newest ones. */
  readonly firstRead: number;
  /** Number of documents of the rooms that a search reads at most. */
  readonly maxRead: number;
  /** A search stops reading documents of the rooms when it has probably taken this long, in ms. */
  readonly readMs: number;
  /** Number of documents of the sample that tells how frequent lexemes are. */
  readonly sampled: number;
  /** Maximum number of documents that a search reads because the index of lexemes names them. */
  readonly maxCandidates: number;
  /** Maximum number of entries that a search reads from the index of lexemes, as an estimate. */
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

/** The highest stream position, and the upper end of the first window. */
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
    return pageOf(query, await findPage(transaction, search, candidates, limits, start), start);
  });
}

/** The hits of a page, one more than fits if there is one, and where the page has stopped. */
interface FoundPage {
  readonly hits: readonly SearchHit[];
  readonly window: PositionWindow;
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

type Search = Omit<DocumentQuery, 'window' | 'after' | 'maxRead'>;

async function findPage(
  db: Knex.Transaction,
  search: Search,
  candidates: SearchExpression,
  limits: SearchLimits,
  start: PageStart | undefined,
): Promise<FoundPage> {
  /** Estimates how frequent the words are. `isSelective` means that the index of lexemes names few enough documents. */
  const estimate = async (): Promise<Sample & { readonly isSelective: boolean }> => {
    const counted = countedLexemes(candidates);
    const others = [tsqueryOf(candidates), ...counted];
    const sample = await sampleDocuments(db, { ...search, others, size: limits.sampled });
    const [matching = 0, ...counts] = sample.others;
    const entries = entriesOf(candidates, new Map(counted.map((lexeme, index) => [lexeme, counts[index] ?? 0])));
    return { ...sample, isSelective: matching <= limits.maxCandidates && entries <= limits.maxEntries };
  };

  /** Reads the candidates in a window. Returns `undefined` if there are more candidates than estimated. */
  const select = async (window: PositionWindow, after: DocumentQuery['after']): Promise<FoundPage | undefined> => {
    const maxRead = limits.maxCandidates * 2;
    const { hits, read, found } = await findWithLexemes(
      db,
      { ...search, window, after, maxRead },
      tsqueryOf(candidates),
    );
    return read < maxRead ? { hits, window, count: found } : undefined;
  };

  /**
   * Reads the documents of the rooms that are in the window. If there are far more than expected, reads only the newer part of
   * the window.
   */
  const walk = async (
    { lower, upper }: PositionWindow,
    expected: number,
    after: DocumentQuery['after'],
  ): Promise<FoundDocuments & { readonly window: PositionWindow }> => {
    const width = upper - lower;
    const maxRead = width === 1 ? 2 ** 31 - 1 : expected * 2 + limits.firstRead;
    const found = await findInRooms(db, { ...search, window: { lower, upper }, after, maxRead });
    if (found.read < maxRead) return { ...found, window: { lower, upper } };
    return walk({ lower: upper - Math.ceil(width / 4), upper }, expected, after);
  };

  const resume = async (window: PositionWindow, after: DocumentQuery['after'], count: number): Promise<FoundPage> => {
    const selected = window.lower === 0 && (await estimate()).isSelective ? await select(window, after) : undefined;
    return selected ?? { ...(await walk(window, limits.maxRead, after)), count };
  };

  const begin = async (upper: number, after: DocumentQuery['after'], isFirst: boolean): Promise<FoundPage> => {
    const { rooms, order, limit } = search;
    const each = Math.max(Math.ceil(limits.firstRead / rooms.length), 4);
    const spread = await measureRooms(db, { rooms, upper, each });
    const top = Math.min(upper, spread.newest);
    if (top === 0) return { hits: [], window: { lower: 0, upper }, count: 0 };
    const lowerBy = (from: number, documents: number, density: number): number =>
      spread.isComplete ? 0 : Math.max(from - Math.max(Math.ceil(documents / density), 1), 0);
    const startedAt = performance.now();
    const first = await walk(
      { lower: lowerBy(top, limits.firstRead, spread.density), upper: top },
      limits.firstRead,
      after,
    );
    const msPerDocument = (performance.now() - startedAt) / Math.max(first.read, limits.firstRead);
    const isFull = order === 'recent' && first.hits.length >= limit;
    if (first.window.lower === 0 || (isFull && !isFirst)) return { ...first, count: first.found };

    const sample = await estimate();
    if (sample.isSelective) {
      const selected = await select({ lower: 0, upper: top }, after);
      if (selected !== undefined) return selected;
    }
    const count = Math.max(sample.found, (first.found / first.read || 0) * (sample.found > 0 ? 0 : sample.inRooms));
    if (isFull) return { ...first, count };
    const budget = Math.max(Math.min(limits.maxRead, Math.floor(limits.readMs / msPerDocument)), limits.firstRead);
    const missing = order === 'rank' ? limits.maxCandidates : limit - first.hits.length;
    const needed = first.found === 0 ? budget : Math.min(Math.ceil((missing * first.read * 1.5) / first.found), budget);
    const density = first.read / (first.window.upper - first.window.lower);
    const lower = lowerBy(first.window.lower, needed, density || spread.density);
    if (order === 'rank') return { ...(await walk({ lower, upper: top }, needed + first.read, after)), count };
    const second = await walk({ lower, upper: first.window.lower }, needed, undefined);
    const hits = [...first.hits, ...second.hits].slice(0, limit);
    return { hits, window: second.window, count: Math.max(count, hits.length) };
  };

  if (start === undefined) return begin(NEWEST, undefined, true);
  const { window, after, count } = start;
  const { lower, upper } = window;
  return lower === undefined ? begin(upper, after, false) : resume({ lower, upper }, after, count);
}
