import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import type { SearchDocument, SearchIndex, SearchWrites } from '../../src/search/search-index.ts';
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

  const withIndex = async (body: (index: SearchIndex) => Promise<void>): Promise<void> => {
    const { index, close } = await makeIndex();
    try {
      await body(index);
    } finally {
      await close();
    }
  };

  it('ignores writes and removals that arrive after a later one', () =>
    withIndex(async (index) => {
      await index.write(changesOf(5, { upserts: [documentOf(1, 'otter new'), documentOf(2, 'otter')] }));
      await index.write(changesOf(3, { upserts: [documentOf(1, 'otter old')], removals: [documentOf(2, '').eventId] }));
      expect(await textsOf(index, 'otter')).toEqual(['otter', 'otter new']);
      await index.write(changesOf(8, { removals: [documentOf(1, '').eventId] }));
      await index.write(changesOf(9, { removedRooms: [ROOM] }));
      await index.write(
        changesOf(7, { upserts: [documentOf(1, 'otter'), documentOf(2, 'otter'), documentOf(3, 'fox')] }),
      );
      expect(await textsOf(index, 'otter OR fox')).toEqual(['fox']);
    }));

  it('lets a document of a reindex not replace a change', () =>
    withIndex(async (index) => {
      const id = randomUUID();
      const rebuild = { id, marker: await index.rebuild.begin(id) };
      await index.rebuild.write(rebuild, changesOf(1, { upserts: [documentOf(1, 'otter new')] }));
      for (let i = 0; i < 2; i++) {
        await index.rebuild.load(rebuild, [documentOf(1, 'otter old'), documentOf(2, 'otter')], async (commit) => {
          await commit(NO_TRANSACTION);
        });
      }
      await index.rebuild.finishLoad(rebuild);
      await index.rebuild.swap(rebuild, NO_TRANSACTION);
      expect(await textsOf(index, 'otter')).toEqual(['otter', 'otter new']);
    }));

  it('searches in more rooms than it puts into a request', () =>
    withIndex(async (index) => {
      const roomAt = (number: number) => `!room${number}:example.org` as RoomId;
      const upserts = Array.from({ length: 2_500 }, (_, n) => ({ ...documentOf(n, 'otter'), roomId: roomAt(n) }));
      await index.write(changesOf(1, { upserts }));
      const rooms = upserts.filter((_, n) => n % 500 === 0).map(({ roomId }) => roomId);
      for (let n = 0; n < 10_000; n++) rooms.push(roomAt(10_000 + n));
      for (const order of ['recent', 'rank'] as const) {
        const query = { term: 'otter', rooms, keys: ['content.body'], order, limit: 3 } as const;
        const first = await index.search(query);
        const second = await index.search({ ...query, after: first.next ?? '' });
        const found = [...first.hits, ...second.hits].map(({ streamPosition }) => streamPosition);
        expect(found).toEqual([2_000, 1_500, 1_000, 500, 0]);
        // The count must not reveal hits in other rooms.
        expect([first.count, second.count, second.next]).toEqual([4, 5, undefined]);
      }
    }));

  it('checks the order of a phrase that ends with the beginning of a word', () =>
    withIndex(async (index) => {
      const texts = ['annual_report.pdf', 'report, annual', 'annual_review'];
      await index.write(changesOf(1, { upserts: texts.map((text, n) => documentOf(n, text)) }));
      expect(await textsOf(index, 'annual_rep*')).toEqual(['annual_report.pdf']);
      expect(await textsOf(index, 'annual -annual_rep*')).toEqual(['annual_review', 'report, annual']);
    }));

  it('fails if the index of a reindex was deleted, and says so', () =>
    withIndex(async (index) => {
      const id = randomUUID();
      const rebuild = { id, marker: await index.rebuild.begin(id) };
      await index.rebuild.abort(id);
      const load = index.rebuild.load(rebuild, [documentOf(1, 'otter')], async () => {});
      await expect(load).rejects.toThrow('index_not_found_exception');
      await expect(index.rebuild.swap(rebuild, NO_TRANSACTION)).rejects.toThrow('start the reindex again');
    }));

  it('names an event that OpenSearch refuses, and writes the others', () =>
    withIndex(async (index) => {
      const refused = { ...documentOf(2, 'otter'), eventId: `$${'x'.repeat(600)}` as EventId };
      const write = index.write(changesOf(1, { upserts: [documentOf(1, 'otter'), refused, documentOf(3, 'otter')] }));
      await expect(write).rejects.toThrow(`OpenSearch refuses 1 events: ${refused.eventId}`);
      await index.write(changesOf(2, {}));
      expect(await textsOf(index, 'otter')).toHaveLength(2);
    }));
});

const ROOM = '!room:example.org' as RoomId;

const changesOf = (version: number, writes: Partial<SearchWrites>): SearchWrites => ({
  upserts: [],
  removals: [],
  removedRooms: [],
  version,
  ...writes,
});

function documentOf(streamPosition: number, text: string): SearchDocument {
  return {
    eventId: `$event${streamPosition}` as EventId,
    roomId: ROOM,
    sender: '@alice:example.org' as UserId,
    streamPosition,
    key: 'content.body',
    text,
  };
}

async function textsOf(index: SearchIndex, term: string): Promise<string[]> {
  const { hits } = await index.search({ term, rooms: [ROOM], keys: ['content.body'], order: 'recent', limit: 100 });
  return hits.map(({ text }) => text);
}
