import { afterAll, beforeAll, describe, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import type { SearchIndex } from '../../src/search/search-index.ts';
import { migrateOwnSchema } from '../../src/storage/database.ts';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrateOwnSchema(database.db);
});

afterAll(() => database.drop());

async function makeIndex(): Promise<SearchIndex> {
  const { db } = database;
  await db.raw('TRUNCATE matrix_admin.search_documents');
  const index = postgresSearch()({ db, logger: createCapturedLogger(), metrics: createMetrics() });
  await index.start();
  return index;
}

async function makeIndexUnderTest(): Promise<IndexUnderTest> {
  const index = await makeIndex();
  return { index, transaction: (work) => database.db.transaction(work), close: () => index.stop() };
}

searchIndexContract({ describe, it, makeIndex: makeIndexUnderTest });
