import { afterAll, beforeAll, describe, it } from 'vitest';
import { type MeilisearchDouble, startMeilisearchDouble } from '../../src/testing/meilisearch-double.ts';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { createMeilisearchIndex, NO_TRANSACTION } from './meilisearch-index.ts';

const { MEILI_URL, MEILI_API_KEY } = process.env;

async function makeIndex(url: string, apiKey?: string): Promise<IndexUnderTest> {
  const key = apiKey === undefined ? {} : { apiKey };
  const { index, indexUid } = createMeilisearchIndex({ url, ...key });
  await index.start();
  return {
    index,
    transaction: (work) => work(NO_TRANSACTION),
    close: async () => {
      await index.stop();
      const headers: Record<string, string> = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
      await fetch(new URL(`indexes/${indexUid}`, url), { method: 'DELETE', headers });
    },
  };
}

describe('on the double', () => {
  let double: MeilisearchDouble;
  beforeAll(async () => {
    double = await startMeilisearchDouble();
  });
  afterAll(() => double.stop());

  searchIndexContract({ describe, it, makeIndex: () => makeIndex(double.url) });
});

if (MEILI_URL !== undefined) {
  describe('on the server at MEILI_URL', () => {
    const unhurried = (name: string, body: () => Promise<void>): void => it(name, { timeout: 120_000 }, body);
    searchIndexContract({ describe, it: unhurried, makeIndex: () => makeIndex(MEILI_URL, MEILI_API_KEY) });
  });
}
