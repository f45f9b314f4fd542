import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type OpenSearchOptions, opensearchSearch } from '../../src/search/opensearch/index.ts';
import { createRandom } from '../../src/testing/search-index-contract/harness.ts';
import { insertEvents, messageOf, ROOM } from '../support/event-rows.ts';
import { startLiveWriter } from '../support/live-writer.ts';
import { type Cluster, startCluster } from '../support/opensearch/cluster.ts';
import { type PluginOnDatabase, startPluginOnDatabase, TEST_ACTOR, until } from '../support/search-plugin.ts';

const MESSAGES = 20_000;
const PATIENCE_MS = 120_000;
const EVERYTHING = 'old OR sent OR edited';

let cluster: Cluster;
let plugin: PluginOnDatabase;
let alias: string;
let number = 0;

beforeAll(async () => {
  // The small limit makes the nodes refuse requests with 429 while a reindex sends large ones.
  cluster = await startCluster(['indexing_pressure.memory.limit=900kb']);
});
afterAll(() => cluster.stop());

async function startOn(options: OpenSearchOptions = {}): Promise<void> {
  const common = { nodes: cluster.urls, index: alias, timeoutMs: 10_000, retryDelayMs: 50, payloadBytes: 200_000 };
  plugin = await startPluginOnDatabase(
    {},
    { search: opensearchSearch({ ...common, ...options }), jobs: { leaseMs: 20_000 } },
  );
}

beforeEach(async () => {
  alias = `fault${(number += 1)}`;
  await startOn();
});
afterEach(async () => {
  await plugin.close();
  await cluster.ask('DELETE', `/${alias}-*`);
});

/** Writes messages to the database only. Returns their texts by event id. */
async function writeOldMessages(): Promise<Record<string, string>> {
  const messages = Array.from({ length: MESSAGES }, (_, n) =>
    messageOf(`$old${n}`, `old otter ${n}`, { sender: '@user:localhost' }),
  );
  for (let start = 0; start < MESSAGES; start += 1_000)
    await insertEvents(plugin.db, messages.slice(start, start + 1_000));
  return Object.fromEntries(messages.map(({ event_id }, n) => [event_id, `old otter ${n}`]));
}

/** Reads all pages of a search. Fails if an event is on two pages. */
async function findAll(): Promise<Record<string, string>> {
  const found = new Map<string, string>();
  for (let after: string | undefined; ; ) {
    const { hits, next } = await plugin.admin.search.search({
      term: EVERYTHING,
      rooms: [ROOM as never],
      order: 'recent',
      limit: 1_000,
      ...(after !== undefined && { after }),
    });
    for (const { eventId, text } of hits) {
      if (found.has(eventId)) throw new Error(`${eventId} was found twice`);
      found.set(eventId, text);
    }
    if (next === undefined) return Object.fromEntries(found);
    after = next;
  }
}

const state = () => plugin.admin.operations.getSearchIndex({}, { actor: TEST_ACTOR });
const job = (jobId: string) => plugin.admin.operations.getJob({ jobId }, { actor: TEST_ACTOR });

/** Searches all the time. Returns how many searches succeeded and which errors others had. */
function searchAllTheTime() {
  const errors: string[] = [];
  let count = 0;
  let stopped = false;
  const work = (async () => {
    while (!stopped) {
      try {
        await plugin.find('otter', { limit: 5 });
        count += 1;
      } catch (error) {
        errors.push(String(error));
      }
    }
  })();
  return {
    count: () => count,
    stop: async () => {
      stopped = true;
      await work;
      return errors;
    },
  };
}

it.each([
  ['is killed', 'SIGKILL'],
  ['is cut off for a while', 'SIGSTOP'],
] as const)('loses nothing if a node %s during a reindex and live traffic', async (_, signal) => {
  const old = await writeOldMessages();
  await plugin.reindex();
  const writer = startLiveWriter({
    db: plugin.db,
    admin: plugin.admin,
    name: 'live',
    roomId: ROOM,
    others: Object.keys(old).slice(0, 500),
    random: createRandom(1),
  });
  const searches = searchAllTheTime();
  const jobId = await plugin.startReindex();
  await until(async () => ((await job(jobId)).done ?? 0) > 0, PATIENCE_MS);
  expect((await job(jobId)).phase).toBe('load');

  const node = cluster.nodes[1];
  await node?.signal(signal);
  await until(async () => (await state()).health === 'degraded', PATIENCE_MS);
  expect((await state()).problem).toMatch(/^OpenSearch lacks \d+ copies of shards; all searches still work$/);
  const before = searches.count();
  await until(() => searches.count() > before + 20, PATIENCE_MS);
  await until(async () => (await job(jobId)).finishedTs !== null, PATIENCE_MS);
  expect(await job(jobId)).toMatchObject({ state: 'succeeded' });

  if (signal === 'SIGKILL') node?.start();
  else await node?.signal('SIGCONT');
  await cluster.untilWhole();
  await writer.stop();
  const errors = await searches.stop();
  await until(async () => (await state()).waiting === 0, PATIENCE_MS);
  const expected = writer.expected(old);
  expect(await findAll()).toEqual(expected);
  expect(await state()).toMatchObject({ health: 'ok', documents: Object.keys(expected).length });
  expect(errors).toEqual([]);
});

it('sends requests again that a busy node refuses', async () => {
  await plugin.close();
  await startOn({ nodes: cluster.urls.slice(0, 1), payloadBytes: 800_000 });
  const old = await writeOldMessages();
  expect(await plugin.reindex()).toMatchObject({ state: 'succeeded' });
  expect(await findAll()).toEqual(old);
  const { nodes } = await cluster.ask('GET', '/_nodes/stats/indexing_pressure');
  expect(JSON.stringify(nodes)).toMatch(/"(?:coordinating|primary)_rejections":[1-9]/);
});

it('keeps changes in the queue while the disks are full, and goes on searching', async () => {
  await plugin.db.transaction(async (transaction) => {
    const message = messageOf('$one', 'old otter');
    await insertEvents(transaction, [message]);
    await plugin.admin.events.apply([message], { transaction });
  });
  await until(async () => (await plugin.find('otter')).length === 1);
  // OpenSearch itself sets this block if a disk is nearly full.
  const block = (value: boolean | null) =>
    cluster.ask('PUT', `/${alias}-*/_settings`, { 'index.blocks.read_only_allow_delete': value });
  await block(true);
  const second = messageOf('$two', 'old otter two');
  await insertEvents(plugin.db, [second]);
  await plugin.admin.events.apply([second]);
  await until(() => plugin.logger.text().includes('TOO_MANY_REQUESTS/12/disk usage exceeded'), PATIENCE_MS);
  expect(await plugin.find('otter')).toEqual(['$one']);
  expect((await state()).waiting).toBe(1);
  await block(null);
  await until(async () => (await plugin.find('otter')).length === 2, PATIENCE_MS);
});

it('shows in the job why the disks refuse a reindex, and goes on when they have space', async () => {
  await writeOldMessages();
  const jobId = await plugin.startReindex();
  await until(async () => ((await job(jobId)).done ?? 0) > 0, PATIENCE_MS);
  const name = `/${alias}-${jobId.replaceAll('-', '')}/_settings`;
  await cluster.ask('PUT', name, { 'index.blocks.read_only_allow_delete': true });
  await until(async () => (await job(jobId)).error !== null, PATIENCE_MS);
  expect((await job(jobId)).error).toContain('disk usage exceeded flood-stage watermark');
  await cluster.ask('PUT', name, { 'index.blocks.read_only_allow_delete': null });
  await until(async () => (await job(jobId)).finishedTs !== null, PATIENCE_MS);
  expect(await job(jobId)).toMatchObject({ state: 'succeeded', result: { documents: MESSAGES } });
});
