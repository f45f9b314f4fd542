import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import type { SearchDocument, SearchIndex, SearchKey, SearchOrder } from '../../src/search/search-index.ts';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

async function makeIndex(): Promise<SearchIndex> {
  const { db } = database;
  await db.raw('TRUNCATE matrix_admin.search_documents');
  const index = postgresSearch()({
    db,
    logger: createCapturedLogger(),
    metrics: createMetrics(),
    analysis: createAnalysis(),
  });
  await index.start();
  return index;
}

async function makeIndexUnderTest(): Promise<IndexUnderTest> {
  const index = await makeIndex();
  return { index, transaction: (work) => database.db.transaction(work), close: () => index.stop() };
}

const runs = Number(process.env.SEARCH_CONTRACT_RUNS ?? 1);
searchIndexContract({ describe, it, makeIndex: makeIndexUnderTest, runs });

const KEYS: readonly SearchKey[] = ['content.body'];
const roomOf = (index: number): RoomId => `!room${index % 20}:x` as RoomId;

/**
 * Makes documents. Each one has the common word, and each thousandth one has the rare word. Texts of the same length have the
 * same rank.
 */
const documentsOf = (count: number): SearchDocument[] =>
  Array.from({ length: count }, (_, index) => ({
    eventId: `$${index}:x` as EventId,
    roomId: roomOf(index),
    sender: '@a:x' as UserId,
    streamPosition: index + 1,
    key: 'content.body',
    text: `common ${index % 1_000 === 0 ? 'rare' : 'filler'} ${'common '.repeat(index % 3)}`,
  }));

async function fill(index: SearchIndex, count: number): Promise<void> {
  const rebuild = { id: '0a', marker: await index.rebuild.begin('0a') };
  await index.rebuild.load(rebuild, documentsOf(count), (write) => database.db.transaction(write));
  await index.rebuild.finishLoad(rebuild);
  await database.db.transaction((transaction) => index.rebuild.swap(rebuild, transaction));
}

describe('many documents', () => {
  it('are searched with the index of lexemes in every order', async () => {
    const index = await makeIndex();
    await fill(index, 30_000);
    const plans: string[] = [];
    const explain = async (order: SearchOrder): Promise<void> => {
      const statements: { sql: string; bindings: unknown[] }[] = [];
      const listen = (query: { sql: string; bindings: unknown[] }): unknown => statements.push(query);
      database.db.on('query', listen);
      const rooms = Array.from({ length: 20 }, (_, room) => roomOf(room));
      const { count } = await index.search({ term: 'rare', rooms, keys: KEYS, order, limit: 10 });
      database.db.removeListener('query', listen);
      expect(count).toBe(30);
      const [search] = statements;
      if (search === undefined) throw new Error('nothing was searched');
      const { rows } = await database.db.raw(
        `EXPLAIN ${search.sql.replaceAll(/\$\d+/g, '?')}`,
        search.bindings as string[],
      );
      plans.push(rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n'));
    };
    await explain('recent');
    await explain('rank');
    for (const plan of plans) {
      expect(plan).toContain('search_documents_lexemes');
      expect(plan).not.toContain('Seq Scan on search_documents');
    }
  });

  it('are each on exactly one page, by rank and by age, while documents are added and removed', async () => {
    for (const order of ['rank', 'recent'] as const) {
      const index = await makeIndex();
      await fill(index, 600);
      const rooms = Array.from({ length: 20 }, (_, room) => roomOf(room));
      const seen: EventId[] = [];
      let after: string | undefined;
      let pages = 0;
      do {
        const query = { term: 'common', rooms, keys: KEYS, order, limit: 37 };
        const { hits, next } = await index.search(after === undefined ? query : { ...query, after });
        seen.push(...hits.map(({ eventId }) => eventId));
        after = next;
        pages += 1;
        const [gone] = hits;
        const newer = { ...documentsOf(1)[0], eventId: `$new${pages}:x` as EventId, streamPosition: 10_000 + pages };
        const upserts = [{ ...newer, text: 'common' } as SearchDocument];
        await index.write({
          version: 0,
          upserts: order === 'recent' ? upserts : [],
          removals: gone ? [gone.eventId] : [],
          removedRooms: [],
        });
      } while (after !== undefined);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength(600);
    }
  });
});
