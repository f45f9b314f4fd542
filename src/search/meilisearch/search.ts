import type { SearchHit, SearchPage, SearchQuery } from '../search-index.ts';
import { matchesTerms, parseSearchTerm, type SearchTerm } from '../search-term.ts';
import type { EngineClient } from './client.ts';
import { type Cursor, decodeCursor, encodeCursor } from './cursor.ts';
import { type EngineHit, parseHit } from './documents.ts';
import { EngineError } from './engine-error.ts';
import { filtersRooms, paramsOf, queryOf } from './query.ts';

/** Number of hits per request if the engine does not filter by room. Many of these hits are skipped. */
const UNFILTERED_HITS = 1_000;
/** Maximum number of requests for one page. A page may then be short; the next page continues after it. */
const MAX_REQUESTS = 20;

/**
 * Answers one page of a search. The engine's filters and words match too much, so each hit is checked for its room and for
 * the terms in its text.
 * @throws MatrixError `M_INVALID_PARAM` if `after` is not a cursor of such a search
 */
export async function searchPage(client: EngineClient, indexUid: string, query: SearchQuery): Promise<SearchPage> {
  const terms = parseSearchTerm(query.term);
  const start = decodeCursor(query.after, query.order);
  if (terms.length === 0 || query.rooms.length === 0 || query.keys.length === 0) return { hits: [], count: 0 };

  const isMatch = matcherOf(query, terms);
  const found = new Map<string, SearchHit>();
  let { count, at } = start;
  /** Position of this page's last hit, after which the next page starts. */
  let end: Position | undefined;
  for (let request = 0; request < MAX_REQUESTS && found.size <= query.limit; request += 1) {
    const limit = requestSize(query, at);
    const reply = await client.search(indexUid, queryOf(terms), paramsOf(query, at, limit));
    if (query.after === undefined && request === 0) count = reply.estimatedTotalHits;
    for (const hit of reply.hits.map(parseHit)) {
      if (isSeen(at, hit)) continue;
      at = advance(at, hit);
      if (isMatch(hit)) found.set(hit.document.eventId, { ...hit.document, rank: hit.rank });
      if (found.size === query.limit) end ??= at;
      // One more hit than the limit shows that there is a next page.
      if (found.size > query.limit) break;
    }
    if (found.size <= query.limit && reply.hits.length < limit) return pageOf(query, [...found.values()], start, count);
  }
  return pageOf(query, [...found.values()].slice(0, query.limit), start, count, end ?? at);
}

type Position = Cursor['at'];

function pageOf(
  { rooms }: SearchQuery,
  hits: readonly SearchHit[],
  start: Cursor,
  estimate: number,
  next?: Position,
): SearchPage {
  const seen = start.count + hits.length;
  // The engine's estimate covers all rooms and would reveal events that the caller must not see. In this case, only the hits
  // found are counted.
  const [count, carried] = filtersRooms(rooms)
    ? [Math.max(estimate, hits.length), estimate]
    : [seen + (next === undefined ? 0 : 1), seen];
  return { hits, count, ...(next === undefined ? {} : { next: encodeCursor({ count: carried, at: next }) }) };
}

function requestSize({ rooms, limit }: SearchQuery, at: Position): number {
  const seen = at.order === 'recent' ? at.seen.length : 0;
  return (filtersRooms(rooms) ? limit + 1 : Math.max(limit + 1, UNFILTERED_HITS)) + seen;
}

function matcherOf(query: SearchQuery, terms: readonly SearchTerm[]): (hit: EngineHit) => boolean {
  const rooms = new Set<string>(query.rooms);
  const keys = new Set<string>(query.keys);
  return ({ document }) => rooms.has(document.roomId) && keys.has(document.key) && matchesTerms(document.text, terms);
}

function isSeen(at: Position, { document }: EngineHit): boolean {
  return at.order === 'recent' && document.streamPosition === at.stream && at.seen.includes(document.eventId);
}

function advance(at: Position, { document }: EngineHit): Position {
  if (at.order === 'rank') return { ...at, offset: at.offset + 1 };
  const { eventId, streamPosition } = document;
  if (at.stream !== undefined && streamPosition > at.stream) {
    throw new EngineError('protocol', 'Meilisearch returned hits out of order: its search timed out');
  }
  const seen = streamPosition === at.stream ? [...at.seen, eventId] : [eventId];
  return { order: 'recent', stream: streamPosition, seen };
}
