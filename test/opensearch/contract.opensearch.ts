import { afterAll, beforeAll, describe, it } from 'vitest';
import { type IndexUnderTest, searchIndexContract } from '../../src/testing/search-index-contract.ts';
import { type Cluster, startCluster } from '../support/opensearch/cluster.ts';
import { createOpenSearchIndex, NO_TRANSACTION } from './opensearch-index.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

async function makeIndex(): Promise<IndexUnderTest> {
  const { index, alias } = createOpenSearchIndex({ nodes: cluster.urls });
  await index.start();
  return {
    index,
    transaction: (work) => work(NO_TRANSACTION),
    close: async () => {
      await index.stop();
      await cluster.ask('DELETE', `/${alias}-*`);
      await cluster.ask('DELETE', `/_index_template/${alias}`);
    },
  };
}

describe('on a cluster of three nodes', () => {
  searchIndexContract({ describe, it, makeIndex });
});
