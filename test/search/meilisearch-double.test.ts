import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type MeilisearchDouble, startMeilisearchDouble } from '../support/meilisearch-double.ts';

/**
 * A request, and the answer that a Meilisearch 1.50.0 server gave to it. The tests compare the answers of the double, a
 * stand-in for Meilisearch, with these answers.
 */
interface Exchange {
  readonly note?: string;
  readonly request: string;
  /** The `Authorization` header, which is sent unchanged. @defaultValue the master key */
  readonly authorization?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly response?: unknown;
}

type Send = (exchange: Omit<Exchange, 'status'>) => Promise<{ status: number; body: unknown }>;

const MASTER_KEY = 'a-master-key-of-the-tests';
/** Error codes whose texts come from a parser that the double does not have. Their texts are not compared. */
const LOOSE_CODES: ReadonlySet<unknown> = new Set([
  'malformed_payload',
  'internal',
  'invalid_search_filter',
  'invalid_document_filter',
  'feature_not_enabled',
  'invalid_api_key_actions',
  'missing_task_filters',
  'invalid_task_types',
]);

const doubles: MeilisearchDouble[] = [];
afterEach(async () => {
  for (const double of doubles.splice(0)) await double.stop();
});

async function start(options: Parameters<typeof startMeilisearchDouble>[0] = {}): Promise<MeilisearchDouble> {
  const double = await startMeilisearchDouble(options);
  doubles.push(double);
  return double;
}

const SETUPS: Readonly<Record<string, (send: Send) => Promise<void>>> = {
  search: async (send) => {
    const add = (uid: string, body: unknown): Promise<unknown> =>
      send({ request: `POST /indexes/${uid}/documents?primaryKey=id`, body });
    await send({ request: 'POST /indexes', body: { uid: 'events', primaryKey: 'id' } });
    await send({
      request: 'PATCH /indexes/fold/settings',
      body: { filterableAttributes: ['k'], sortableAttributes: ['n'] },
    });
    await send({
      request: 'PATCH /indexes/many/settings',
      body: { searchableAttributes: ['body'], filterableAttributes: ['stream'], sortableAttributes: ['stream'] },
    });
    await add(
      'many',
      Array.from({ length: 2_500 }, (_, n) => ({
        id: n,
        stream: n,
        body: `common${n % 100 === 0 ? ' rare' : ''}${n % 2 === 1 ? ' odd' : ''}`,
      })),
    );
    await send({ request: 'PATCH /indexes/dflt/settings', body: { searchableAttributes: ['body'] } });
    const { body } =
      fixture('search').find(({ request }) => request.startsWith('POST /indexes/events/documents')) ?? {};
    await send({ request: 'POST /indexes/dflt/documents?primaryKey=id', contentType: 'application/x-ndjson', body });
  },
  tasks: async (send) => {
    await send({ request: 'POST /indexes/events/documents?primaryKey=id', body: [{ id: 'a', body: 'x' }] });
    for (const uid of ['l0', 'l1']) await send({ request: 'POST /indexes', body: { uid } });
  },
  swap: async (send) => {
    await send({ request: 'POST /indexes', body: { uid: 'blk' } });
    await send({
      request: 'POST /indexes/a/documents?primaryKey=id',
      body: [
        { id: 'a1', b: 'a1' },
        { id: 'a2', b: 'a2' },
      ],
    });
    await send({ request: 'POST /indexes/b/documents?primaryKey=id', body: [{ id: 'b1', b: 'b1' }] });
    await send({ request: 'PATCH /indexes/a/settings', body: { filterableAttributes: ['fa'] } });
    await send({ request: 'PATCH /indexes/b/settings', body: { filterableAttributes: ['fb'] } });
    await send({ request: 'POST /indexes/c/documents?primaryKey=other', body: [{ other: 'c1' }] });
  },
  'keys-errors': async (send) => {
    for (const uid of ['events', 'other']) {
      await send({ request: `POST /indexes/${uid}/documents?primaryKey=id`, body: [{ id: 'a', body: 'x' }] });
    }
  },
};

const FIXTURES = [
  'health-version',
  'indexes',
  'settings',
  'documents-add',
  'documents-read-delete',
  'search',
  'tasks',
  'swap',
  'keys-errors',
];

function fixture(name: string): Exchange[] {
  return JSON.parse(
    readFileSync(new URL(`../fixtures/meilisearch/${name}.json`, import.meta.url), 'utf8'),
  ) as Exchange[];
}

/** Creates a function that sends recorded requests. It replaces recorded keys and task ids by those of this run. */
function createSender(url: string): Send {
  const keys = new Map<string, string>();
  const taskUids = new Map<number, number>();
  return async ({
    note,
    request,
    authorization = `Bearer ${MASTER_KEY}`,
    contentType = 'application/json',
    body,
    response,
  }) => {
    const [method = 'GET', path = '/'] = request.split(/ (.*)/s);
    const headers: Record<string, string> = {};
    const known = authorization.replace(/<(.*) key>/, (_, name: string) =>
      name === 'master' ? MASTER_KEY : (keys.get(name) ?? 'unknown'),
    );
    if (known !== '') headers['Authorization'] = known;
    const answer = await exchange(
      url,
      method,
      path.replace(/(?<=^\/tasks\/)\d+$/, (uid) => String(taskUids.get(Number(uid)) ?? uid)),
      headers,
      contentType,
      body,
    );
    const recorded = response as { taskUid?: number; key?: string } | undefined;
    const got = answer.body as { taskUid?: number; key?: string } | undefined;
    if (recorded?.taskUid !== undefined && got?.taskUid !== undefined) taskUids.set(recorded.taskUid, got.taskUid);
    const keyName = /^<(.*) key>$/.exec(recorded?.key ?? '')?.[1];
    if (keyName !== undefined && got?.key !== undefined) keys.set(keyName, got.key);
    void note;
    return answer;
  };
}

/** Sends one request. If the recorded answer shows a task that has ended, asks again until the task has ended. */
async function exchange(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  contentType: string,
  body: unknown,
): Promise<{ status: number; body: unknown }> {
  for (;;) {
    const sent = body === undefined ? undefined : typeof body === 'string' ? Buffer.from(body) : JSON.stringify(body);
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(sent === undefined || contentType === '' ? {} : { 'Content-Type': contentType }) },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? undefined : JSON.parse(text);
    const status = (answer as { status?: unknown } | undefined)?.status;
    if (method === 'GET' && (status === 'enqueued' || status === 'processing')) continue;
    if ((answer as { taskUid?: number } | undefined)?.taskUid !== undefined) await idle(url);
    return { status: response.status, body: answer };
  }
}

/** Waits until all tasks have ended, as the recording did. */
async function idle(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/tasks?statuses=enqueued,processing&limit=1`, {
      headers: { Authorization: `Bearer ${MASTER_KEY}` },
    });
    const { total } = (await response.json()) as { total: number };
    if (total === 0) return;
    await delay(2);
  }
}

const VOLATILE: ReadonlySet<string> = new Set([
  'requestUid',
  'processingTimeMs',
  'taskUid',
  'batchUid',
  'key',
  '_rankingScore',
  'commitSha',
  'commitDate',
  'rawDocumentDbSize',
  'avgDocumentSize',
  'canceledBy',
]);

/** Returns an answer without the values that differ between two runs. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === 'string')
    return value.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, '<date>').replace(/^PT[\d.]+S$/, '<duration>');
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([name, part]) =>
      !VOLATILE.has(name) && !(name === 'uid' && (typeof part === 'number' || /^[0-9a-f-]{36}$/.test(String(part)))),
  );
  const isLoose = LOOSE_CODES.has(Reflect.get(value, 'code'));
  return Object.fromEntries(
    entries.map(([name, part]) => [
      name,
      isLoose && name === 'message' ? '<message>' : name === 'hits' ? comparableHits(value) : comparable(part),
    ]),
  );
}

/**
 * Returns hits without their order, unless they were sorted. If the answer shows only some of the hits, returns only their
 * number.
 */
function comparableHits(reply: object): unknown {
  const { hits, estimatedTotalHits, totalHits } = reply as {
    hits: unknown[] | number;
    estimatedTotalHits?: number;
    totalHits?: number;
  };
  if (typeof hits === 'number') return hits;
  const lines = hits.map((hit) => JSON.stringify(comparable(hit)));
  return lines.length === (estimatedTotalHits ?? totalHits) && lines.length < 20 ? lines.sort() : lines.length;
}

describe('answers like the recorded server', () => {
  it.each(FIXTURES)('%s', async (name) => {
    const { url } = await start({ masterKey: MASTER_KEY });
    const send = createSender(url);
    await SETUPS[name]?.(send);
    for (const recorded of fixture(name)) {
      const { status, body } = await send(recorded);
      const label = `${recorded.note ?? ''} ${recorded.request} ${JSON.stringify(recorded.body)?.slice(0, 200)}`;
      expect
        .soft({ status, body: comparable(body) }, label)
        .toEqual({ status: recorded.status, body: comparable(recorded.response) });
    }
  });
});

describe('behaves like the server where a client could notice a difference', () => {
  const call = async (url: string, request: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: { [name: string]: unknown } = text === '' ? {} : JSON.parse(text);
    return { status: response.status, answer };
  };
  const add = (url: string, uid: string, ...documents: unknown[]) =>
    call(url, `POST /indexes/${uid}/documents?primaryKey=id`, documents);
  /** Processes all batches in the queue. @returns the uids of the tasks in each batch */
  const batches = async (double: MeilisearchDouble): Promise<unknown[][]> => {
    const done: unknown[][] = [];
    for (;;) {
      const batch = await double.step();
      if (batch.length === 0) return done;
      done.push(batch.map(({ uid }) => uid));
    }
  };

  it('batches tasks of one index as the scheduler does', async () => {
    const double = await start();
    const { url } = double;
    double.pause();
    await add(url, 'x', { id: 1 });
    await add(url, 'y', { id: 1 });
    await add(url, 'x', { id: 2 });
    await call(url, 'POST /indexes/x/documents/delete-batch', ['1']);
    await call(url, 'PATCH /indexes/x/settings', { filterableAttributes: ['id'] });
    await call(url, 'PATCH /indexes/x/settings', { sortableAttributes: ['id'] });
    await add(url, 'x', { id: 3 });
    await call(url, 'POST /indexes/x/documents/delete', { filter: 'id = 3' });
    await add(url, 'x', { id: 4 });
    await call(url, 'POST /swap-indexes', [{ indexes: ['x', 'y'] }]);
    await add(url, 'x', { id: 5 });
    await add(url, 'x', { id: 6 });
    await call(url, 'DELETE /indexes/x/documents');
    expect(await batches(double)).toEqual([[0, 2, 3], [1], [4, 5], [6], [7, 8], [9], [10, 11, 12]]);
    const { answer } = await call(url, 'GET /tasks/10');
    expect(answer).toMatchObject({ status: 'succeeded', details: { receivedDocuments: 1, indexedDocuments: null } });
  });

  it('fails a whole batch for one unreadable document, but only the payload for a bad id', async () => {
    const double = await start();
    const { url } = double;
    double.pause();
    for (const id of ['a', '$bad', 'b']) await add(url, 'x', { id });
    await double.step();
    expect((await call(url, 'GET /indexes/x/stats')).answer).toMatchObject({ numberOfDocuments: 2 });
    for (const body of ['fine', 'lone \ud800', 'fine']) await add(url, 'x', { id: 'c', body });
    const tasks = await double.step();
    expect(tasks.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    expect((await call(url, 'GET /indexes/x/stats')).answer).toMatchObject({ numberOfDocuments: 2 });
  });

  it('runs queued tasks in order around a swap, and renames the indexes of earlier tasks', async () => {
    const double = await start();
    const { url } = double;
    double.pause();
    for (const uid of ['a', 'b']) await add(url, uid, { id: `${uid}1` });
    await call(url, 'POST /swap-indexes', [{ indexes: ['a', 'b'] }]);
    await add(url, 'a', { id: 'late' });
    await batches(double);
    const { answer } = await call(url, 'GET /indexes/a/documents');
    expect(answer['results']).toEqual([{ id: 'b1' }, { id: 'late' }]);
    expect((await call(url, 'GET /tasks/0')).answer).toMatchObject({ indexUid: 'b' });
    expect((await call(url, 'GET /tasks/3')).answer).toMatchObject({ indexUid: 'a' });
  });

  it('keeps its data when it is killed, and restarts the running task', async () => {
    const double = await start({ batchMs: 500 });
    const { url } = double;
    await add(url, 'x', { id: 'a' });
    while ((await call(url, 'GET /tasks/0')).answer['status'] !== 'processing') await delay(1);
    await double.crash();
    await expect(fetch(url)).rejects.toThrow();
    await double.restart();
    while ((await call(url, 'GET /tasks/0')).answer['status'] !== 'succeeded') await delay(1);
    expect((await call(url, 'GET /indexes/x/stats')).answer).toMatchObject({ numberOfDocuments: 1 });
  });

  it('applies its limit to decoded bytes, and answers 500 for other requests than document payloads', async () => {
    const { url } = await start({ payloadLimit: 4_096 });
    const line = Buffer.from(JSON.stringify({ id: 'a', body: 'x'.repeat(5_000) }));
    const ndjson = { 'Content-Type': 'application/x-ndjson' };
    for (const [body, headers] of [
      [line, ndjson],
      [gzipSync(line), { ...ndjson, 'Content-Encoding': 'gzip' }],
    ] as const) {
      const { status, answer } = await call(url, 'POST /indexes/x/documents', body, headers);
      expect(status).toBe(413);
      expect(answer['message']).toBe(
        'The provided payload reached the size limit. The maximum accepted payload size is 4 KiB.',
      );
    }
    const small = gzipSync('{"id":"a"}');
    const headers = { ...ndjson, 'Content-Encoding': 'gzip' };
    expect((await call(url, 'POST /indexes/x/documents', small, headers)).status).toBe(202);
    const { status, answer } = await call(url, 'POST /indexes/x/search', { q: 'x'.repeat(5_000) });
    expect(status).toBe(500);
    expect(answer['message']).toBe('JSON payload (5008 bytes) is larger than allowed (limit: 4096 bytes).');
  });

  it('refuses features that it does not support', async () => {
    const { url } = await start();
    await add(url, 'x', { id: 'a' });
    await idle(url);
    const { status, answer } = await call(url, 'POST /indexes/x/search', { q: 'a', facets: ['a'] });
    expect([status, answer['code']]).toEqual([400, 'not_done_by_the_double']);
    expect((await call(url, 'GET /batches')).status).toBe(404);
  });
});
