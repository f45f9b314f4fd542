import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { meilisearchSearch } from '../../src/search/meilisearch/index.ts';
import { startMeilisearchDouble } from '../../src/testing/meilisearch-double.ts';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function makeIndex(url: string, apiKey: string | undefined): Promise<IndexUnderTest> {
  const indexUid = `test_${randomUUID()}`;
  const adapter = meilisearchSearch({ url, indexUid, ...(apiKey === undefined ? {} : { apiKey }) });
  const index = adapter({ db: {} as Knex, logger: silent, metrics: createMetrics() });
  await index.start();
  return {
    index,
    transaction: (work) => work({} as Knex.Transaction),
    close: async () => {
      await index.stop();
      await fetch(new URL(`/indexes/${indexUid}`, url), { method: 'DELETE', headers: apiKey ? { Authorization: `Bearer ${apiKey}` } : {} });
    },
  };
}
const url = process.env['MEILI_URL'];
const double = { url: '', stop: async () => {} };
beforeAll(async () => {
  Object.assign(double, await startMeilisearchDouble());
});
afterAll(() => double.stop());
describe('on the double', () => {
  searchIndexContract({ describe, it: (n, b) => it(n, b, 120_000), makeIndex: () => makeIndex(double.url, undefined) });
});

describe.runIf(url !== undefined)('real', () => {
  searchIndexContract({ describe, it: (n, b) => it(n, b, 120_000), makeIndex: () => makeIndex(url ?? '', process.env['MEILI_API_KEY']) });
});
