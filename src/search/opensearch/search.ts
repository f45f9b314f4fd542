import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchHit, SearchPage, SearchQuery } from '../search-index.ts';
import type { EngineClient } from './client.ts';
import { documentOf, hitsSchema, NEWEST_FIRST, WHOLE } from './documents.ts';
import { type Clause, filtersOf, filtersRooms, isPrecise, scorersOf } from './query.ts';

/**
 * OpenSearch's limit for the hits of one search. A count of hits is exact up to this number. If there are more hits, a ranked
 * search finds and ranks only the newest of them, up to about this number.
 */
const BOUND = 10_000;
/** Minimum number of hits in one request if the adapter may have to skip some of them. */
const HITS_TO_SKIP = 1_000;
/**
 * Maximum number of requests for one page. If they do not fill the page, it has too few hits, and the next page continues where
 * the last request ended.
 */
const MAX_REQUESTS = 20;

const cursorSchema = z.strictObject({
  order: z.enum(['recent', 'rank']),
  /**
   * The values by which OpenSearch has sorted the last hit: its score if hits are ranked, its stream position, and its `tie`,
   * which orders hits with the same stream position.
   */
  after: z.union([
    z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
    z.tuple([z.number().min(0).max(1_000), z.int().nonnegative(), z.int().nonnegative()]),
  ]),
  /** The search finds only events from this stream position on. 0 means all events. */
  since: z.int().nonnegative(),
  /**
   * If OpenSearch filters the hits by room, the number of all hits, counted up to `BOUND`. Otherwise, the number of hits on all
   * earlier pages.
   */
  count: z.int().nonnegative(),
});
type Cursor = z.output<typeof cursorSchema>;

type EngineHits = z.output<typeof hitsSchema>['hits'];

/**
 * Returns a page of hits. OpenSearch filters, sorts and ranks. The adapter checks the room id of each hit, and also the text if
 * OpenSearch's filter may pass texts that do not match.
 */
export async function searchPage(
  client: EngineClient,
  alias: string,
  query: SearchQuery,
  analysis: SearchAnalysis,
): Promise<SearchPage> {
  const cursor = query.after === undefined ? undefined : decode(query.after, query);
  const expression = analysis.parse(query.term);
  if (expression === undefined || query.rooms.length === 0) return { hits: [], count: 0 };
  const filters = filtersOf(query, expression);
  const find = async (body: Clause): Promise<EngineHits> =>
    hitsSchema.parse(await client.send({ method: 'POST', path: `/${alias}/_search`, querystring: WHOLE, body })).hits;

  const isRanked = query.order === 'rank';
  const filtered = filtersRooms(query);
  const checksText = !isPrecise(expression);
  const rooms = new Set<string>(query.rooms);
  const size = filtered && !checksText ? query.limit + 1 : Math.max(query.limit + 1, HITS_TO_SKIP);

  const { since, total } = cursor
    ? { since: cursor.since, total: cursor.count }
    : await measure(find, filters, isRanked);
  const ranged = since > 0 ? [...filters, { range: { stream: { gte: since } } }] : filters;
  const ordered = isRanked
    ? { query: { bool: { filter: ranged, should: scorersOf(expression) } }, sort: ['_score', ...NEWEST_FIRST] }
    : { query: { bool: { filter: ranged } }, sort: NEWEST_FIRST };

  const found: { readonly hit: SearchHit; readonly sort: number[] }[] = [];
  let after: number[] | undefined = cursor?.after;
  let hasMore = true;
  for (let request = 0; request < MAX_REQUESTS && hasMore && found.length <= query.limit; request += 1) {
    const { hits } = await find({ ...ordered, size, track_total_hits: false, ...(after && { search_after: after }) });
    for (const hit of hits) {
      const document = documentOf(hit);
      if (!rooms.has(document.roomId) || (checksText && !analysis.matches(document.text, expression))) continue;
      found.push({ hit: { ...document, rank: isRanked ? (hit.sort[0] ?? 0) : 0 }, sort: hit.sort });
    }
    after = hits.at(-1)?.sort;
    hasMore = hits.length === size;
  }

  const page = found.slice(0, query.limit);
  const end = found.length > query.limit ? page.at(-1)?.sort : hasMore ? after : undefined;
  // Without a room filter, OpenSearch's count would reveal events in rooms that the user cannot see.
  const seen = (cursor?.count ?? 0) + page.length;
  const count = filtered ? Math.max(total, page.length) : seen + (end === undefined ? 0 : 1);
  if (end === undefined) return { hits: page.map(({ hit }) => hit), count };
  const next = { order: query.order, after: end, since, count: filtered ? total : seen };
  return { hits: page.map(({ hit }) => hit), count, next: encode(next) };
}

/**
 * Counts hits up to `BOUND`. For a ranked search, also finds the stream position of the oldest hit that is ranked. Returns 0 as
 * this position if all hits are ranked, or if the search is not ranked.
 */
async function measure(
  find: (body: Clause) => Promise<EngineHits>,
  filters: readonly Clause[],
  isRanked: boolean,
): Promise<{ readonly since: number; readonly total: number }> {
  const { total, hits } = await find({
    query: { bool: { filter: filters } },
    sort: NEWEST_FIRST,
    track_total_hits: BOUND,
    ...(isRanked ? { from: BOUND - 1, size: 1 } : { size: 0 }),
  });
  return { since: hits[0]?.sort[0] ?? 0, total: total?.value ?? 0 };
}

function encode(cursor: Omit<Cursor, 'after'> & { readonly after: readonly number[] }): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

/** @throws MatrixError `M_INVALID_PARAM` if `after` is not a cursor of a search in this order */
function decode(after: string, { order }: SearchQuery): Cursor {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(after, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  const parsed = cursorSchema.safeParse(value);
  const isOurs = parsed.success && parsed.data.order === order;
  if (!isOurs || parsed.data.after.length !== (order === 'rank' ? 3 : 2)) {
    throw new MatrixError('M_INVALID_PARAM', 'the page token does not belong to this search');
  }
  return parsed.data;
}
