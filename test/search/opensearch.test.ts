import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { createBulk } from '../../src/search/opensearch/bulk.ts';
import { createClient } from '../../src/search/opensearch/client.ts';
import { opensearchSearch } from '../../src/search/opensearch/index.ts';
import { lexemesFieldOf } from '../../src/search/opensearch/lexemes.ts';
import { filtersOf } from '../../src/search/opensearch/query.ts';
import { messageOf } from '../support/event-rows.ts';
import { type PluginOnDatabase, startPluginOnDatabase, TEST_ACTOR } from '../support/search-plugin.ts';

const analysis = createAnalysis(['en']);

/** Returns the URL of a port on which nothing listens. */
async function unusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('a cluster that does not answer', () => {
  const PASSWORD = 'the-password-of-the-search-engine';
  let plugin: PluginOnDatabase;
  beforeAll(async () => {
    const search = opensearchSearch({
      nodes: [await unusedUrl(), await unusedUrl()],
      auth: { username: 'matrix', password: PASSWORD },
      retryDelayMs: 1,
    });
    plugin = await startPluginOnDatabase({}, { search });
  });
  afterAll(() => plugin.close());

  it('does not keep the plugin from starting and from queueing changes', async () => {
    await plugin.admin.events.apply([messageOf('$one', 'otter')]);
    const { waiting } = await plugin.admin.operations.getSearchIndex({}, { actor: TEST_ACTOR });
    expect(waiting).toBe(1);
    expect(plugin.logger.text()).toContain('OpenSearch is unavailable; the next search or write will try again');
  });

  it('is the problem that the state of the index shows', async () => {
    const state = await plugin.admin.operations.getSearchIndex({}, { actor: TEST_ACTOR });
    expect(state).toMatchObject({ engine: 'opensearch', documents: null, health: 'failed' });
    expect(state.problem).toMatch(/^no connection to OpenSearch: connect ECONNREFUSED/);
  });

  it('fails searches, and keeps the password out of errors and logs', async () => {
    const error = await plugin.find('otter').catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('no connection to OpenSearch');
    expect(JSON.stringify(error) + plugin.logger.text()).not.toContain(PASSWORD);
  });
});

it('does not start if the cluster refuses the account', async () => {
  const server = createHttpServer((request, response) => {
    const isOurs = request.headers.authorization === `Basic ${Buffer.from('matrix:wrong').toString('base64')}`;
    response.writeHead(isOurs ? 401 : 500, { 'content-type': 'text/plain' }).end('Unauthorized');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const search = opensearchSearch({
      node: `http://127.0.0.1:${port}`,
      auth: { username: 'matrix', password: 'wrong' },
    });
    await expect(startPluginOnDatabase({}, { search })).rejects.toThrow('OpenSearch answered 401');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it('a bulk request is answered within the time limit, also if a shard is unavailable', async () => {
  let path = '';
  const server = createHttpServer((request, response) => {
    path = request.url ?? '';
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"items":[{"index":{"status":201}}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const metrics = createMetrics(new Registry());
  const timeoutMs = 9_000;
  const client = createClient({ nodes: [`http://127.0.0.1:${port}`], timeoutMs, retryDelayMs: 1, metrics });
  try {
    await createBulk(client, metrics, { payloadBytes: 1_000, timeoutMs })('alias', [{ eventId: '$a', text: '{}\n' }]);
    expect(new URLSearchParams(path.split('?')[1]).get('timeout')).toBe('6000ms');
  } finally {
    client.stop();
    server.close();
    server.closeAllConnections();
  }
});

describe('options', () => {
  it.each([
    {},
    { node: 'not a url' },
    { nodes: [] },
    { node: 'http://localhost', index: 'Capitals' },
    { node: 'http://localhost', shards: 0 },
    { node: 'http://localhost', auth: { username: 'a', password: '' } },
  ])('%o are refused', (options) => {
    expect(() => opensearchSearch(options)).toThrow(/opensearchSearch: bad options/);
  });
});

describe('requests', () => {
  it('contain the lexemes of a text by position, with the form of each', () => {
    expect(lexemesFieldOf('Café 会议ab', analysis)).toBe('\ue010/l|café|cafe/o 会议 议a \ue000ab|ab');
  });

  it('contain no syntax of a user, only terms', () => {
    const term = 'a:b AND (c~2^3 OR [x TO y]) "d* e"~5 /f.*/ {"match_all":{}} _exists_:z \\';
    const expression = analysis.parse(term);
    const query = { term, rooms: [], keys: ['content.body'], order: 'recent', limit: 1 } as const;
    const leaves: string[] = [];
    JSON.stringify(expression && filtersOf(query, expression), (_, value: unknown) => {
      if (typeof value === 'string') leaves.push(value);
      return value;
    });
    expect(leaves.length).toBeGreaterThan(20);
    for (const leaf of leaves) expect(leaf).toMatch(/^(?:content\.body|[a-z0-9\ue010/| _]+)$/);
  });
});
