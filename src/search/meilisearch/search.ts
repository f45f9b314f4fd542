import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchExpression } from '../analysis/expression.ts';
import { EngineError } from '../engine-error.ts';
import type { SearchDocument, SearchHit, SearchPage, SearchQuery } from '../search-index.ts';
import type { EngineClient } from './client.ts';
import { type Cursor, decodeCursor, encodeCursor } from './cursor.ts';
import { parseHit } from './documents.ts';
import { filtersRooms, paramsOf } from './query.ts';

/**
 * Minimum number of hits per request of a search without ranks, if Meilisearch does not filter by room. The adapter skips hits
 * in other rooms, so it asks for many hits.
 */
const UNFILTERED_HITS = 1_000;
/**
 * Maximum number of requests for one page. After these requests, the page may have too few hits. The next page then continues
 * where the last request ended.
 */
const MAX_REQUESTS = 20;
/**
 * Number of hits in a window. The adapter ranks the hits of one window among each other, because Meilisearch only filters and
 * sorts.
 */
const RANKED_HITS = 1_000;

type Position = Cursor['at'];
type Recent = Extract<Position, { order: 'recent' }>;
type Ranked = Extract<Position, { order: 'rank' }>;

/**
 * The matching hits of one request. `after` is the position behind the hit. `estimate` is Meilisearch's estimate of the number
 * of all hits.
 */
interface Batch {
  readonly estimate: number;
  readonly hits: readonly { readonly hit: SearchHit; readonly after: Position }[];
  /** Position at which the next request starts. Absent if there are no more hits. */
  readonly next?: Position;
}

/**
 * Returns a page of the hits that Meilisearch finds. Checks the room id and the text of each hit, because Meilisearch's filters
 * also pass texts that do not match. The page is empty if the query asks for no word, no room or no field.
 *
 * @throws MatrixError `M_INVALID_PARAM` if `query.after` is not a cursor of a search in this order
 */
export async function searchPage(
  client: EngineClient,
  indexUid: string,
  query: SearchQuery,
  analysis: SearchAnalysis,
): Promise<SearchPage> {
  const expression = analysis.parse(query.term);
  const start = decodeCursor(query.after, query.order);
  if (expression === undefined || query.rooms.length === 0 || query.keys.length === 0) return { hits: [], count: 0 };

  const read = createReader({ client, indexUid, query, analysis, expression });
  const found = new Map<string, SearchHit>();
  let { count, at } = start;
  /** Position behind the last hit of this page, where the next page starts. `undefined` until the page is full. */
  let end: Position | undefined;
  for (let request = 0; request < MAX_REQUESTS && found.size <= query.limit; request += 1) {
    const batch = await read(at);
    if (query.after === undefined && request === 0) count = batch.estimate;
    for (const { hit, after } of batch.hits) {
      found.set(hit.eventId, hit);
      if (found.size === query.limit) end ??= after;
      // The page is full, and one more hit shows that there is a next page.
      if (found.size > query.limit) break;
    }
    if (found.size <= query.limit && batch.next === undefined) return pageOf(query, [...found.values()], start, count);
    at = batch.next ?? at;
  }
  return pageOf(query, [...found.values()].slice(0, query.limit), start, count, end ?? at);
}

function pageOf(
  { rooms }: SearchQuery,
  hits: readonly SearchHit[],
  start: Cursor,
  estimate: number,
  next?: Position,
): SearchPage {
  const seen = start.count + hits.length;
  // Without a room filter, Meilisearch's estimate covers all rooms. This estimate would reveal events in rooms that the user
  // cannot see. So the count is the number of hits found so far, plus one if there is a next page.
  const [count, carried] = filtersRooms(rooms)
    ? [Math.max(estimate, hits.length), estimate]
    : [seen + (next === undefined ? 0 : 1), seen];
  return { hits, count, ...(next === undefined ? {} : { next: encodeCursor({ count: carried, at: next }) }) };
}

interface Reading {
  readonly client: EngineClient;
  readonly indexUid: string;
  readonly query: SearchQuery;
  readonly analysis: SearchAnalysis;
  readonly expression: SearchExpression;
}

function createReader(reading: Reading): (at: Position) => Promise<Batch> {
  return (at) => (at.order === 'recent' ? readRecent(reading, at) : readRanked(reading, at));
}

function matcherOf({ query, analysis, expression }: Reading): (document: SearchDocument) => boolean {
  const rooms = new Set<string>(query.rooms);
  const keys = new Set<string>(query.keys);
  return ({ roomId, key, text }) => rooms.has(roomId) && keys.has(key) && analysis.matches(text, expression);
}

async function readRecent(reading: Reading, start: Recent): Promise<Batch> {
  const { client, indexUid, query, expression } = reading;
  const isMatch = matcherOf(reading);
  const fewest = query.limit + 1;
  const limit = (filtersRooms(query.rooms) ? fewest : Math.max(fewest, UNFILTERED_HITS)) + start.seen.length;
  const reply = await client.search(indexUid, '', paramsOf(query, expression, { newest: start.stream, limit }));
  const hits: Batch['hits'][number][] = [];
  let at = start;
  for (const document of reply.hits.map(parseHit)) {
    if (document.streamPosition === at.stream && at.seen.includes(document.eventId)) continue;
    at = advance(at, document);
    if (isMatch(document)) hits.push({ hit: { ...document, rank: 0 }, after: at });
  }
  return { estimate: reply.estimatedTotalHits, hits, ...(reply.hits.length < limit ? {} : { next: at }) };
}

function advance(at: Recent, { eventId, streamPosition }: SearchDocument): Recent {
  if (at.stream !== undefined && streamPosition > at.stream) {
    throw new EngineError('protocol', 'Meilisearch returned hits out of order: its search timed out');
  }
  const seen = streamPosition === at.stream ? [...at.seen, eventId] : [eventId];
  return { order: 'recent', stream: streamPosition, seen };
}

/** Reads one window of hits and ranks them. Hits of later windows get lower ranks, even if they match better. */
async function readRanked(reading: Reading, start: Ranked): Promise<Batch> {
  const { client, indexUid, query, analysis, expression } = reading;
  const isMatch = matcherOf(reading);
  const range = { newest: start.newest, offset: start.start, limit: RANKED_HITS };
  const reply = await client.search(indexUid, '', paramsOf(query, expression, range));
  const documents = reply.hits.map(parseHit);
  const window = { ...start, newest: start.newest ?? documents[0]?.streamPosition ?? 0 };
  const ranked = documents
    .filter(isMatch)
    .map((document) => ({ ...document, rank: analysis.rank(document.text, expression) - start.start / RANKED_HITS }))
    .sort((a, b) => b.rank - a.rank || b.streamPosition - a.streamPosition || (a.eventId < b.eventId ? 1 : -1));
  const hits = ranked.map((hit, index) => ({ hit, after: { ...window, seen: index + 1 } })).slice(start.seen);
  const next = { ...window, start: start.start + RANKED_HITS, seen: 0 };
  return { estimate: reply.estimatedTotalHits, hits, ...(documents.length < RANKED_HITS ? {} : { next }) };
}
