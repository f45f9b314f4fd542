import { afterAll, beforeAll, describe, it } from 'vitest';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { type MeilisearchDouble, startMeilisearchDouble } from '../support/meilisearch-double.ts';
import { createMeilisearchIndex, NO_TRANSACTION } from './meilisearch-index.ts';

const { MEILI_URL, MEILI_API_KEY } = process.env;

let double: MeilisearchDouble;
beforeAll(async () => {
  double = await startMeilisearchDouble();
});
afterAll(() => double.stop());

/** The servers to test: the double, which is a stand-in for Meilisearch, and a real Meilisearch if one is configured. */
const SERVERS = [
  { name: 'the double', urlOf: () => double.url, apiKey: undefined },
  ...(MEILI_URL === undefined ? [] : [{ name: MEILI_URL, urlOf: () => MEILI_URL, apiKey: MEILI_API_KEY }]),
];

async function makeIndex(url: string, apiKey: string | undefined): Promise<IndexUnderTest> {
  const { index, indexUid } = createMeilisearchIndex({ url, ...(apiKey === undefined ? {} : { apiKey }) });
  await index.start();
  return {
    index,
    transaction: (work) => work(NO_TRANSACTION),
    close: async () => {
      await index.stop();
      const headers: Record<string, string> = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
      await fetch(new URL(`indexes/${indexUid}`, `${url}/`), { method: 'DELETE', headers });
    },
  };
}

describe.each(SERVERS)('on $name', { timeout: 120_000 }, ({ urlOf, apiKey }) => {
  searchIndexContract({ describe, it, makeIndex: () => makeIndex(urlOf(), apiKey) });
});
