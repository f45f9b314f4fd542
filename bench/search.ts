/**
 * Searches an index of 1,000,000 messages with the PostgreSQL engine, and compares the 95th percentile of each kind of search
 * with the limit of 50 ms. `SIZE` chooses another number of messages. The messages are in 2,000 rooms, and the first room has a
 * fifth of them. Each kind of search has a term, some rooms, an order, and the first or the fiftieth page of ten hits. Also
 * compares the size of the index with a table that has the same columns and indexes, and the lexemes of `to_tsvector`.
 */
import type { Knex } from 'knex';
import { ensureDendriteSchema } from '../src/dendrite-schema/index.ts';
import type { SearchIndex, SearchOrder, SearchPage, SearchQuery } from '../src/search/search-index.ts';
import { migrateOwnSchema } from '../src/storage/database.ts';
import { withEmptyDatabase } from './bench-database.ts';
import { type BenchResult, report, rounded } from './report.ts';
import { fillSearchIndex, ROOMS, roomAt } from './search-data.ts';

const SIZE = Number(process.env.SIZE ?? 1_000_000);
const LONGEST_MS = 50;
const PAGE = 10;
const LATER_PAGE = 50;
/** Number of searches of each kind. */
const SEARCHES = Number(process.env.SEARCHES ?? 20);

const TERMS: Readonly<Record<string, string>> = {
  'one in 100,000': 'quokka',
  'one in 10,000': 'numbat',
  'one in 1,000': 'wombat',
  common: 'umbrella',
  'most common': 'the',
  'two words': 'lost umbrella',
  'three words': 'the backup survived',
  'common elsewhere': 'elsewhere',
  phrase: '"the lost umbrella"',
  'rare phrase of common words': '"ferry home good news the backup"',
  'absent phrase of common words': '"the the"',
  prefix: 'umbr*',
  'prefix of most words': 't*',
  exclusion: 'umbrella -the',
  'exclusion of all': 'the -another -the',
  alternatives: 'wombat OR umbrella',
  Chinese: '天气预报',
  'one Chinese character': '的',
  Korean: '우산',
};

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const ROOM_SETS: Readonly<Record<string, readonly number[]>> = {
  '1 room': [0],
  '10 rooms': range(0, 10),
  '300 rooms': range(0, 300),
  '1,000 rooms': range(0, 1_000),
  '1,000 quiet rooms': range(ROOMS - 1_000, ROOMS),
};
const ORDERS: readonly SearchOrder[] = ['recent', 'rank'];

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

async function timeSearches(index: SearchIndex, query: SearchQuery): Promise<{ times: number[]; page: SearchPage }> {
  const times: number[] = [];
  let page = await index.search(query); // not measured, because it fills the caches
  for (let search = 0; search < SEARCHES; search += 1) {
    const startedAt = performance.now();
    page = await index.search(query);
    times.push(performance.now() - startedAt);
  }
  return { times, page };
}

/** Returns the cursor of page `LATER_PAGE`, or of the last page if there are fewer. */
async function laterCursor(index: SearchIndex, query: SearchQuery): Promise<string | undefined> {
  let after: string | undefined;
  for (let page = 1; page < LATER_PAGE; page += 1) {
    const { next } = await index.search(after === undefined ? query : { ...query, after });
    if (next === undefined) break;
    after = next;
  }
  return after;
}

async function measureTerm(index: SearchIndex, [name, term]: readonly [string, string]): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const [roomsName, numbers] of Object.entries(ROOM_SETS)) {
    for (const order of ORDERS) {
      const query: SearchQuery = { term, rooms: numbers.map(roomAt), keys: ['content.body'], order, limit: PAGE };
      const after = await laterCursor(index, query);
      for (const [pageName, cursor] of [['first', undefined] as const, ['later', after] as const]) {
        if (pageName === 'later' && cursor === undefined) continue;
        const { times, page } = await timeSearches(index, cursor === undefined ? query : { ...query, after: cursor });
        const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
        const outcome = `${page.hits.length} of ${page.count}${page.next === undefined ? '' : ', more'}`;
        console.log(
          [name.padEnd(30), roomsName.padEnd(18), order.padEnd(7), pageName.padEnd(6)].join(' '),
          `p50 ${p50.toFixed(1).padStart(6)} ms  p95 ${p95.toFixed(1).padStart(6)} ms  ${outcome}`,
        );
        results.push({
          name: `${name}, ${roomsName}, ${order}, ${pageName} page`,
          value: rounded(p95),
          unit: 'ms',
          baseline: LONGEST_MS,
          ratio: rounded(LONGEST_MS / p95),
        });
      }
    }
  }
  return results;
}

/** The table of the size baseline. It has the words as spelled and their English stems. */
async function measureBaseline(db: Knex): Promise<number> {
  for (const statement of [
    'CREATE TABLE baseline (LIKE matrix_admin.search_documents)',
    `INSERT INTO baseline SELECT event_id, room_id, sender, stream_position, key, text,
       to_tsvector('simple', text) || to_tsvector('english', text) FROM matrix_admin.search_documents`,
    `SET maintenance_work_mem = '256MB'`,
    'CREATE INDEX ON baseline USING gin (lexemes)',
    'CREATE UNIQUE INDEX ON baseline (event_id)',
    'CREATE INDEX ON baseline (room_id, stream_position)',
  ]) {
    await db.raw(statement);
  }
  const { rows } = await db.raw<{ rows: { bytes: string }[] }>(`SELECT pg_total_relation_size('baseline') AS bytes`);
  await db.raw('DROP TABLE baseline');
  return Number(rows[0]?.bytes);
}

async function measure(db: Knex): Promise<BenchResult[]> {
  await ensureDendriteSchema(db);
  await migrateOwnSchema(db);
  console.log(`indexing ${SIZE} messages`);
  const index = await fillSearchIndex(db, SIZE);
  const results: BenchResult[] = [];
  for (const term of Object.entries(TERMS)) results.push(...(await measureTerm(index, term)));
  const slowest = results.toSorted((a, b) => b.value - a.value)[0];
  console.log(`slowest: ${slowest?.name}, ${slowest?.value} ms`);
  const { bytes } = await index.stats();
  const baseline = await measureBaseline(db);
  return [...results, { name: 'size', value: bytes, unit: 'bytes', baseline, ratio: rounded(baseline / bytes) }];
}

report('search', await withEmptyDatabase(measure));
