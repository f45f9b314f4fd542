import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { createPostgresIndex } from '../../src/search/postgres/create-index.ts';
import { SEARCH_LIMITS, type SearchLimits } from '../../src/search/postgres/search.ts';
import type { SearchDocument, SearchIndex, SearchKey, SearchPage, SearchQuery } from '../../src/search/search-index.ts';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

/** Limits that a search of a few thousand documents reaches. */
const SMALL: SearchLimits = { ...SEARCH_LIMITS, firstRead: 40, maxRead: 200, maxCandidates: 100, maxEntries: 1_000 };

async function makeIndex(limits = SEARCH_LIMITS): Promise<SearchIndex> {
  const { db } = database;
  await db.raw('TRUNCATE matrix_admin.search_documents');
  const index = createPostgresIndex(
    { db, logger: createCapturedLogger(), metrics: createMetrics(), analysis: createAnalysis() },
    limits,
  );
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

async function allPages(index: SearchIndex, query: SearchQuery): Promise<SearchPage[]> {
  const pages: SearchPage[] = [];
  let after: string | undefined;
  do {
    const page = await index.search(after === undefined ? query : { ...query, after });
    pages.push(page);
    after = page.next;
  } while (after !== undefined && pages.length < 1_000);
  return pages;
}

async function fill(index: SearchIndex, count: number): Promise<void> {
  const rebuild = { id: '0a', marker: await index.rebuild.begin('0a') };
  await index.rebuild.load(rebuild, documentsOf(count), (write) => database.db.transaction(write));
  await index.rebuild.finishLoad(rebuild);
  await database.db.transaction((transaction) => index.rebuild.swap(rebuild, transaction));
}

describe('many documents', () => {
  it('are counted exactly if the words are rare, and estimated if the words are frequent', async () => {
    const index = await makeIndex(SMALL);
    await fill(index, 30_000);
    const rooms = Array.from({ length: 20 }, (_, room) => roomOf(room));
    for (const order of ['recent', 'rank'] as const) {
      const query = { rooms, keys: KEYS, order, limit: 10 };
      expect(await index.search({ ...query, term: 'rare' })).toMatchObject({ count: 30, hits: { length: 10 } });
      expect((await index.search({ ...query, term: 'rare', rooms: [roomOf(1)] })).hits).toEqual([]);
      const { count, hits } = await index.search({ ...query, term: 'common' });
      expect(hits).toHaveLength(10);
      expect(count).toBeGreaterThan(20_000);
      expect(count).toBeLessThan(40_000);
    }
  });

  it('are read only as far as the limits allow, and each hit is still on exactly one page', async () => {
    const index = await makeIndex({ ...SMALL, maxCandidates: 10, maxEntries: 10 });
    await fill(index, 3_000);
    for (const rooms of [[roomOf(0)], Array.from({ length: 20 }, (_, room) => roomOf(room))]) {
      for (const order of ['recent', 'rank'] as const) {
        // Each word is frequent, so the limits forbid to look the phrase up. Only every third text has it, and not in a row.
        for (const term of ['"filler common common"', 'rare', 'common -filler']) {
          const expected = documentsOf(3_000).filter(
            ({ roomId, text }) =>
              rooms.includes(roomId) &&
              (term.startsWith('"') ? text.includes('filler common common') : text.includes('rare')),
          );
          const pages = await allPages(index, { term, rooms, keys: KEYS, order, limit: 7 });
          const seen = pages.flatMap(({ hits }) => hits.map(({ eventId }) => eventId));
          expect(seen.toSorted(), `${term} ${order}`).toEqual(expected.map(({ eventId }) => eventId).toSorted());
          if (order === 'recent') expect(seen).toEqual(expected.map(({ eventId }) => eventId).toReversed());
        }
      }
    }
  });

  it('in rooms without recent messages are found too', async () => {
    const index = await makeIndex(SMALL);
    const busy = documentsOf(3_000).map((document) => ({ ...document, roomId: roomOf(0) }));
    const quiet = documentsOf(40).map((document, at) => ({
      ...document,
      eventId: `$quiet${at}:x` as EventId,
      roomId: roomOf(1 + (at % 2)),
      streamPosition: 1 + at * 3,
    }));
    await index.write({ upserts: [...busy, ...quiet], removals: [], removedRooms: [], version: 0 });
    const query = { term: 'common', rooms: [roomOf(1), roomOf(2)], keys: KEYS, order: 'recent', limit: 7 } as const;
    const pages = await allPages(index, query);
    expect(pages.flatMap(({ hits }) => hits.map(({ eventId }) => eventId))).toEqual(
      quiet.map(({ eventId }) => eventId).toReversed(),
    );
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
