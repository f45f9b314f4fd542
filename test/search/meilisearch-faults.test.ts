import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MeilisearchOptions } from '../../src/search/meilisearch/index.ts';
import { type Fault, type MeilisearchDouble, startMeilisearchDouble } from '../support/meilisearch-double.ts';
import {
  adding,
  createMeilisearchIndex,
  documentOf,
  type MeilisearchIndex,
  NO_TRANSACTION,
} from './meilisearch-index.ts';

const MASTER_KEY = 'the-master-key-of-these-tests';
const DOCUMENTS = /^POST .*\/documents$/;
const SEARCH = /^POST .*\/search$/;
const SWAP = /^POST \/swap-indexes$/;
const ALWAYS = Number.POSITIVE_INFINITY;

let double: MeilisearchDouble;
let adapters: MeilisearchIndex[] = [];

const create = (options: Partial<MeilisearchOptions> = {}): MeilisearchIndex => {
  const adapter = createMeilisearchIndex({ url: double.url, apiKey: MASTER_KEY, ...options });
  adapters.push(adapter);
  return adapter;
};

const started = async (options: Partial<MeilisearchOptions> = {}): Promise<MeilisearchIndex> => {
  const adapter = create(options);
  await adapter.index.start();
  return adapter;
};

/** Sends a request to the double, as an operator does. */
const ask = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const response = await fetch(`${double.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${MASTER_KEY}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Record<string, unknown>;
};

const waitFor = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  await expect.poll(condition, { interval: 2, timeout: 5_000 }).toBe(true);
};

const errorOf = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
};

beforeEach(async () => {
  double = await startMeilisearchDouble({ masterKey: MASTER_KEY, payloadLimit: 64_000 });
});

afterEach(async () => {
  for (const { index, logs } of adapters) {
    await index.stop();
    if (logs.text().includes(MASTER_KEY)) throw new Error('the key is in the logs');
  }
  adapters = [];
  await double.stop();
});

describe('requests that fail for a while', () => {
  const passing: readonly Fault[] = [
    { name: 'request-timeout' },
    { name: 'too-many-requests' },
    { name: 'bad-gateway' },
    { name: 'unavailable' },
    { name: 'reset' },
    { name: 'lost-answer' },
  ];

  it.each(passing)('are sent again: $name', async (fault) => {
    const { index, find } = await started();
    double.inject({ ...fault, times: 2 });
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    expect(await find('hello')).toEqual(['hello']);
    double.inject({ ...fault, request: SEARCH });
    expect(await find('hello')).toEqual(['hello']);
  });

  it('fail with the status, not with a syntax error', async () => {
    const { find } = await started();
    double.inject({ name: 'bad-gateway', request: SEARCH, times: ALWAYS });
    await expect(find('hello')).rejects.toThrow('Meilisearch answered 502: the body is not JSON from Meilisearch');
    double.clearFaults();
    double.inject({ name: 'request-timeout', request: SEARCH, times: ALWAYS });
    await expect(find('hello')).rejects.toThrow('Meilisearch answered 408');
  });

  it('fail within the time that a user waits for a search', async () => {
    const { find } = await started();
    double.inject({ name: 'unavailable', request: SEARCH, retryAfter: 10 });
    const before = Date.now();
    await expect(find('hello')).rejects.toThrow('503 too_many_search_requests');
    expect(Date.now() - before).toBeLessThan(2_000);
  });

  it('end at the time-out', async () => {
    const { find } = await started({ timeoutMs: 100 });
    double.inject({ name: 'slow', request: SEARCH, delayMs: 3_000 });
    const before = Date.now();
    await expect(find('hello')).rejects.toThrow('no answer in 100 ms');
    expect(Date.now() - before).toBeLessThan(2_000);
  });

  it('fail if the answer is not from Meilisearch', async () => {
    const { find } = await started();
    double.inject({ name: 'wrong-page', request: SEARCH });
    await expect(find('hello')).rejects.toThrow('Meilisearch answered 200 without JSON');
  });
});

describe('payloads', () => {
  it('are split if they are too large for the server', async () => {
    const { index, find } = await started();
    const documents = Array.from({ length: 50 }, (_, n) => documentOf(n, `neighbour ${'word '.repeat(600)}${n}`));
    await index.write(adding(...documents), NO_TRANSACTION);
    expect(await find('neighbour')).toHaveLength(50);
  });

  it('are split if they are too large for a proxy', async () => {
    const { index, find } = await started();
    double.inject({ name: 'payload-too-large', request: DOCUMENTS });
    await index.write(adding(documentOf(1, 'neighbour'), documentOf(2, 'neighbour')), NO_TRANSACTION);
    expect(await find('neighbour')).toHaveLength(2);
  });

  it('write all events except one that is too large alone, and name it', async () => {
    const { index, find } = await started();
    const huge = documentOf(2, 'ж'.repeat(200).concat(' ').repeat(79));
    const small = await startMeilisearchDouble({ payloadLimit: 2_000, masterKey: MASTER_KEY });
    try {
      const other = await started({ url: small.url });
      const error = await errorOf(
        other.index.write(adding(documentOf(1, 'hello'), huge, documentOf(3, 'hello')), NO_TRANSACTION),
      );
      expect(error.message).toBe('Meilisearch refuses 1 events: $event2:example.org');
      expect(await other.find('hello')).toHaveLength(2);
      await other.index.stop();
    } finally {
      await small.stop();
    }
    await index.write(adding(huge), NO_TRANSACTION);
    expect(await find('ж'.repeat(200))).toHaveLength(1);
  });

  it('have at most the configured size', async () => {
    const { index } = await started({ payloadBytes: 1_500 });
    const before = double.requests.length;
    await index.write(
      adding(...Array.from({ length: 10 }, (_, n) => documentOf(n, `word${n} `.repeat(40)))),
      NO_TRANSACTION,
    );
    expect(double.requests.slice(before).filter((line) => line.includes('/documents')).length).toBeGreaterThan(3);
  });

  it('are sent again, one at a time, after a failure of their batch', async () => {
    const { index, find } = await started();
    double.pause();
    double.inject({ name: 'batch-failure' });
    const writes = [1, 2, 3].map((n) => index.write(adding(documentOf(n, `hello ${n}`)), NO_TRANSACTION));
    await waitFor(() => double.requests.filter((line) => line.includes('/documents')).length === 3);
    double.resume();
    await Promise.all(writes);
    expect(await find('hello')).toHaveLength(3);
  });

  it('write all documents except those on which the engine fails, and name those', async () => {
    const { index, find, logs } = await started();
    double.inject({ name: 'batch-failure', document: /poison/, times: ALWAYS });
    const documents = Array.from({ length: 20 }, (_, n) =>
      documentOf(n, n % 9 === 5 ? `secret poison ${n}` : `fine ${n}`),
    );
    const writes = [documents.slice(0, 10), documents.slice(10)].map((part) =>
      errorOf(index.write(adding(...part), NO_TRANSACTION)),
    );
    const messages = (await Promise.all(writes)).map(({ message }) => message);
    expect(messages).toEqual([
      'Meilisearch refuses 1 events: $event5:example.org',
      'Meilisearch refuses 1 events: $event14:example.org',
    ]);
    expect(await find('fine')).toHaveLength(18);
    expect(`${messages.join()}${logs.text()}`).not.toContain('secret');
  });

  it('fail soon if the engine fails on everything', async () => {
    const { index } = await started();
    double.inject({ name: 'batch-failure', times: ALWAYS });
    const documents = Array.from({ length: 2_000 }, (_, n) => documentOf(n, 'x'));
    await expect(index.write(adding(...documents), NO_TRANSACTION)).rejects.toThrow('refuses 21 events');
    expect(double.requests.length).toBeLessThan(500);
  });

  it('wait for space on a full disk, and report the full disk in the end', async () => {
    const { index, find } = await started();
    double.inject({ name: 'batch-failure', code: 'no_space_left_on_device', times: 2 });
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    expect(await find('hello')).toHaveLength(1);
    double.inject({ name: 'batch-failure', code: 'no_space_left_on_device', times: ALWAYS });
    await expect(index.write(adding(documentOf(2, 'hello')), NO_TRANSACTION)).rejects.toThrow(
      'no_space_left_on_device',
    );
  });

  it('are sent again if their task is no longer known', async () => {
    const { index, find } = await started();
    double.inject({ name: 'vanished-task' });
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    expect(await find('hello')).toEqual(['hello']);
    expect(double.requests.filter((line) => /^POST .*\/documents\?/.test(line))).toHaveLength(2);
  });

  it('do not count as written if the index was cleared in the same batch', async () => {
    const { index, indexUid } = await started();
    double.pause();
    const writing = errorOf(index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION));
    await waitFor(() => double.requests.some((line) => line.includes('/documents')));
    await ask('DELETE', `/indexes/${indexUid}/documents`);
    double.resume();
    expect((await writing).message).toMatch(/indexed none of 1 documents/);
  });

  it('do not count as written if their task is cancelled', async () => {
    const { index, indexUid } = await started();
    double.pause();
    const writing = errorOf(index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION));
    await waitFor(() => double.requests.some((line) => line.includes('/documents')));
    await ask('POST', `/tasks/cancel?indexUids=${indexUid}`);
    double.resume();
    expect((await writing).message).toMatch(/canceled/);
  });

  it('survive a server that is killed during their task', async () => {
    const { index, find } = await started();
    for (let round = 0; round < 5; round++) {
      double.pause();
      const writing = index.write(adding(documentOf(round, 'hello')), NO_TRANSACTION);
      await waitFor(() => double.requests.filter((line) => /^POST .*\/documents\?/.test(line)).length > round);
      double.resume();
      await double.crash();
      await double.restart();
      await writing;
    }
    expect(await find('hello')).toHaveLength(5);
  });
});

describe('start and stop', () => {
  it('starts without the engine, and uses it as soon as it is available', async () => {
    await double.crash();
    const { index, find, logs } = create();
    await index.start();
    expect(logs.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn Meilisearch is unavailable; the next search or write will try again',
    ]);
    await expect(find('hello')).rejects.toThrow('no connection to Meilisearch: ECONNREFUSED');
    await double.restart();
    expect(await find('hello')).toEqual([]);
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    expect(await find('hello')).toEqual(['hello']);
  });

  it('creates its index again after it was deleted', async () => {
    const { index, indexUid, find } = await started();
    await ask('DELETE', `/indexes/${indexUid}`);
    await waitFor(async () => 'code' in (await ask('GET', `/indexes/${indexUid}`)));
    expect(await find('hello')).toEqual([]);
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    expect(await find('hello')).toEqual(['hello']);
  });

  it('does not start if the engine refuses its key', async () => {
    const { index } = create({ apiKey: 'a-wrong-key' });
    const error = await errorOf(index.start());
    expect(error.message).toBe('Meilisearch answered 403 invalid_api_key: The provided API key is invalid.');
    expect(JSON.stringify(error)).not.toContain('a-wrong-key');
  });

  it('writes its settings before the first document, and only once', async () => {
    const { index, indexUid } = await started();
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    await started({ indexUid });
    const writes = double.requests.filter((line) => !line.startsWith('GET'));
    expect(writes.map((line) => line.replace(indexUid, 'UID').split('?')[0])).toEqual([
      'POST /indexes',
      'PATCH /indexes/UID/settings',
      'POST /indexes/UID/documents',
    ]);
  });

  it('can be started again after a stop', async () => {
    const { index, find } = await started();
    await index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION);
    await index.stop();
    await expect(find('hello')).rejects.toThrow('stopped');
    await index.start();
    expect(await find('hello')).toEqual(['hello']);
  });

  it('aborts running requests when it is stopped', async () => {
    const { index, find } = await started({ timeoutMs: 60_000 });
    double.inject({ name: 'slow', request: SEARCH, delayMs: 2_000 });
    const searching = errorOf(find('hello'));
    double.pause();
    const writing = errorOf(index.write(adding(documentOf(1, 'hello')), NO_TRANSACTION));
    await waitFor(
      () =>
        double.requests.some((line) => line.includes('/tasks?')) &&
        double.requests.some((line) => line.includes('/search')),
    );
    const before = Date.now();
    await index.stop();
    for (const error of [await searching, await writing]) expect(error.message).toBe('the search index was stopped');
    expect(Date.now() - before).toBeLessThan(1_000);
  });

  it.each([
    { url: 'not a url' },
    { url: 'ftp://localhost' },
    { url: 'http://localhost', indexUid: 'no blanks' },
    { url: 'http://localhost', timeoutMs: 0 },
  ])('refuses bad options: %o', (options) => {
    expect(() => createMeilisearchIndex(options)).toThrow(/meilisearchSearch: bad options/);
  });
});

describe('swaps', () => {
  const ID = '0b5f7a52-5e0e-4b0a-9d8e-2a1f2b3c4d5e';

  const rebuilt = async (adapter: MeilisearchIndex): Promise<{ id: string; marker: string }> => {
    await adapter.index.write(adding(documentOf(1, 'tale old')), NO_TRANSACTION);
    const rebuild = { id: ID, marker: await adapter.index.rebuild.begin(ID) };
    await adapter.index.rebuild.load(rebuild, [documentOf(2, 'tale new')], (write) => write(NO_TRANSACTION));
    await adapter.index.rebuild.finishLoad(rebuild);
    return rebuild;
  };

  const indexes = async (): Promise<unknown> =>
    ((await ask('GET', '/indexes')) as { results: { uid: string }[] }).results.map(({ uid }) => uid);

  it.each<Fault>([
    { name: 'swap-twice' },
    { name: 'swap-twice', times: 2 },
    { name: 'lost-answer', request: SWAP },
    { name: 'lost-answer', request: SWAP, times: 2 },
    { name: 'reset', request: SWAP },
    { name: 'bad-gateway', request: SWAP },
    { name: 'vanished-task' },
  ])("leave only the new content under the index's name: $name $times", async (fault) => {
    const adapter = await started();
    const rebuild = await rebuilt(adapter);
    double.inject(fault);
    for (let i = 0; i < 2; i++) await adapter.index.rebuild.swap(rebuild, NO_TRANSACTION);
    expect(await adapter.find('tale')).toEqual(['tale new']);
    expect(await indexes()).toEqual([adapter.indexUid]);
    await adapter.index.write(adding(documentOf(3, 'tale newest')), NO_TRANSACTION);
    expect(await adapter.find('tale')).toEqual(['tale newest', 'tale new']);
  });

  it('are not sent twice if an earlier process has left one in the queue', async () => {
    const adapter = await started();
    const rebuild = await rebuilt(adapter);
    double.pause();
    await ask('POST', '/swap-indexes', [
      { indexes: [adapter.indexUid, `${adapter.indexUid}_${ID.replaceAll('-', '')}`] },
    ]);
    const swapping = adapter.index.rebuild.swap(rebuild, NO_TRANSACTION);
    await waitFor(() => double.requests.some((line) => line.includes('delete-batch')));
    double.resume();
    await swapping;
    expect(await adapter.find('tale')).toEqual(['tale new']);
    expect(double.requests.filter((line) => SWAP.test(line))).toHaveLength(1);
  });

  it('survive a server that is killed during a swap', async () => {
    const adapter = await started();
    const rebuild = await rebuilt(adapter);
    double.pause();
    const swapping = adapter.index.rebuild.swap(rebuild, NO_TRANSACTION);
    await waitFor(() => double.requests.some((line) => line.includes('delete-batch')));
    await double.step();
    await waitFor(() => double.requests.some((line) => SWAP.test(line)));
    double.resume();
    await double.crash();
    await double.restart();
    await swapping;
    expect(await adapter.find('tale')).toEqual(['tale new']);
    expect(await indexes()).toEqual([adapter.indexUid]);
  });

  it('work with a key that cannot see their tasks', async () => {
    const actions =
      'search documents.add documents.delete indexes.create indexes.get indexes.delete indexes.swap settings.get settings.update stats.get tasks.get tasks.cancel';
    const body = { actions: actions.split(' '), indexes: ['scoped*'], expiresAt: null };
    const { key } = await ask('POST', '/keys', body);
    const adapter = await started({ apiKey: String(key), indexUid: 'scoped' });
    const rebuild = await rebuilt(adapter);
    await adapter.index.rebuild.swap(rebuild, NO_TRANSACTION);
    expect(await adapter.find('tale')).toEqual(['tale new']);
    expect(await indexes()).toEqual(['scoped']);
    expect((await adapter.index.stats()).documents).toBe(1);
  });

  it('fail if the shadow is lost, and so does loading into it', async () => {
    const adapter = await started();
    const rebuild = await rebuilt(adapter);
    await adapter.index.rebuild.abort(ID);
    const { rebuild: calls } = adapter.index;
    await expect(calls.load(rebuild, [documentOf(4, 'x')], (commit) => commit(NO_TRANSACTION))).rejects.toThrow(
      'lost the shadow',
    );
    await expect(calls.write(rebuild, adding(documentOf(4, 'x')))).rejects.toThrow('lost the shadow');
    await expect(calls.swap(rebuild, NO_TRANSACTION)).rejects.toThrow('did not swap');
    expect(await indexes()).toEqual([adapter.indexUid]);
    expect(await adapter.find('tale')).toEqual(['tale old']);
  });

  it('can be aborted while payloads are queued', async () => {
    const adapter = await started();
    const rebuild = { id: ID, marker: await adapter.index.rebuild.begin(ID) };
    double.pause();
    const loading = errorOf(
      adapter.index.rebuild.load(rebuild, [documentOf(1, 'x')], (write) => write(NO_TRANSACTION)),
    );
    await waitFor(() => double.requests.some((line) => line.includes('/documents')));
    const aborting = adapter.index.rebuild.abort(ID);
    await waitFor(() => double.requests.some((line) => line.includes('/tasks/cancel')));
    double.resume();
    await aborting;
    expect((await loading).message).toMatch(/canceled/);
    expect(await indexes()).toEqual([adapter.indexUid]);
  });
});

it('counts requests, errors, documents and tasks', async () => {
  const { index, find, scrape } = await started();
  double.inject({ name: 'reset' });
  await index.write(adding(documentOf(1, 'hello'), documentOf(2, 'hello')), NO_TRANSACTION);
  await find('hello');
  const page = await scrape();
  const value = (name: string): number =>
    Number(new RegExp(`^matrix_admin_${name}{engine="meilisearch"} (.*)$`, 'm').exec(page)?.[1]);
  expect(value('search_documents_indexed_total')).toBe(2);
  expect(value('search_requests_total')).toBeGreaterThan(5);
  expect(value('search_errors_total')).toBeGreaterThanOrEqual(1);
  expect(value('search_tasks_in_flight')).toBe(0);
});
