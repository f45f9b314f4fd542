import { get } from 'node:http';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { bearer, MOUNTS, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const JOBS = '/_dendrite/admin/jobs';

async function addJob(db: Knex, fields: Record<string, unknown> = {}): Promise<string> {
  const [row] = await db('matrix_admin.jobs')
    .insert({ kind: 'test', created_by: 'somebody', ...fields })
    .returning('id');
  return row.id;
}

interface ServerSentEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

interface EventStream {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly events: ServerSentEvent[];
  readonly ended: Promise<void>;
  readonly leave: () => void;
}

/** Reads an event stream by the rules of the WHATWG. Supports only events with one line of `event` and one line of `data`. */
function listen(plugin: MountedPlugin, id: string): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const outgoing = get(
      `${plugin.origin}${plugin.prefix}${JOBS}/${id}/events`,
      { agent: false, headers: bearer(USERS.admin.access_token) },
      (response) => {
        const events: ServerSentEvent[] = [];
        let buffer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          buffer += chunk;
          const blocks = buffer.split('\n\n');
          buffer = blocks.pop() ?? '';
          for (const block of blocks) {
            const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
            if (event !== '') events.push({ event, data: JSON.parse(data) });
          }
        });
        response.on('error', () => {});
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'],
          events,
          ended: new Promise((end) => {
            response.on('close', () => end());
          }),
          leave: () => response.destroy(),
        });
      },
    );
    outgoing.on('error', reject);
  });
}

describe.each(MOUNTS)('jobs $name', (mount) => {
  let plugin: MountedPlugin;
  let db: Knex;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount });
    ({ db } = plugin.database);
  });
  afterAll(() => plugin.close());
  beforeEach(async () => {
    await db('matrix_admin.jobs').del();
  });

  const list = async (query: string): Promise<{ jobs: Record<string, unknown>[]; next_token?: string }> => {
    const answer = await plugin.asAdmin(`${JOBS}?${query}`);
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text);
  };
  const ids = (jobs: readonly Record<string, unknown>[]): unknown[] => jobs.map(({ id }) => id);

  it('are shown with all their fields', async () => {
    const id = await addJob(db, {
      state: 'running',
      done: 250,
      total: 1000,
      rate: 12.34,
      attempts: 2,
      phase: 'load',
      started_at: new Date(2_000),
      created_at: new Date(1_000),
      lease_until: new Date(Date.now() + 60_000),
      request_id: 'r',
    });
    expect(jsonOf(await plugin.asAdmin(`${JOBS}/${id}`))).toEqual({
      id,
      kind: 'test',
      operation: 'test',
      target: null,
      input: null,
      state: 'running',
      phase: 'load',
      done: 250,
      total: 1000,
      percent: 25,
      rate: 12.3,
      eta_ms: 60_778,
      attempts: 2,
      cancel_requested: false,
      created_by: 'somebody',
      created_ts: 1_000,
      started_ts: 2_000,
      finished_ts: null,
      result: null,
      error: null,
      errcode: null,
      error_status: null,
    });
  });

  it('are filtered by kind and state', async () => {
    const queued = await addJob(db);
    const failed = await addJob(db, { state: 'failed', finished_at: new Date(), error: 'no' });
    const other = await addJob(db, { kind: 'other', state: 'failed', finished_at: new Date() });
    expect(ids((await list('')).jobs)).toEqual([other, failed, queued]);
    expect(ids((await list('kind=test')).jobs)).toEqual([failed, queued]);
    expect(ids((await list('state=failed')).jobs)).toEqual([other, failed]);
    expect(ids((await list('state=failed&kind=test')).jobs)).toEqual([failed]);
    expect(await list('kind=none')).toEqual({ jobs: [] });
  });

  it('come in pages, without lost or repeated jobs while jobs are added', async () => {
    const all: string[] = [];
    for (let n = 0; n < 7; n += 1) all.unshift(await addJob(db, { created_at: new Date(1_000 + Math.floor(n / 3)) }));
    const order = await db('matrix_admin.jobs').orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ]);
    const seen: unknown[] = [];
    let query = 'limit=2';
    for (;;) {
      const { jobs, next_token: next } = await list(query);
      seen.push(...ids(jobs));
      if (next === undefined) break;
      expect(jobs).toHaveLength(2);
      await addJob(db);
      query = `limit=2&from=${next}`;
    }
    expect(seen).toEqual(order.map(({ id }) => id));
    expect(new Set(seen)).toEqual(new Set(all));
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=1001',
    'limit=ten',
    'limit=1.5',
    'limit=',
    'limit=1e2',
    'limit=99999999999999999999',
    'state=done',
    'state=',
    'from=x',
    'from=1',
    'from=%00',
    'kind=%00',
    `kind=${'x'.repeat(101)}`,
    'from=01234567-89ab-4def-8123-456789abcdef',
  ])('refuses ?%s', async (query) => {
    const answer = await plugin.asAdmin(`${JOBS}?${query}`);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toEqual({ errcode: 'M_INVALID_PARAM', error: expect.any(String) });
  });

  it('are cancelled once', async () => {
    const id = await addJob(db);
    const first = await plugin.asAdmin(`${JOBS}/${id}/cancel`, { method: 'POST' });
    expect(first.status).toBe(200);
    expect(jsonOf(first)).toMatchObject({ id, state: 'cancelled', cancel_requested: true });
    const again = await plugin.asAdmin(`${JOBS}/${id}/cancel`, { method: 'POST', body: '{}' });
    expect([again.status, again.text]).toEqual([200, first.text]);
    const done = await addJob(db, { state: 'succeeded', finished_at: new Date() });
    expect(jsonOf(await plugin.asAdmin(`${JOBS}/${done}/cancel`, { method: 'POST' }))).toMatchObject({
      state: 'succeeded',
      cancel_requested: false,
    });
    const running = await addJob(db, { state: 'running', attempts: 1, lease_until: new Date(Date.now() + 60_000) });
    expect(jsonOf(await plugin.asAdmin(`${JOBS}/${running}/cancel`, { method: 'POST' }))).toMatchObject({
      state: 'running',
      cancel_requested: true,
    });
    const audit = await db('matrix_admin.audit').where({ operation: 'cancelJob', target: id });
    expect(audit).toHaveLength(2);
  });

  it('stream their changes as events until they end', async () => {
    const id = await addJob(db, { state: 'running', done: 1, total: 4, lease_until: new Date(Date.now() + 60_000) });
    const stream = await listen(plugin, id);
    expect([stream.status, stream.contentType]).toEqual([200, 'text/event-stream']);
    await vi.waitFor(() =>
      expect(stream.events.at(-1)).toMatchObject({ event: 'progress', data: { id, percent: 25 } }),
    );
    await db('matrix_admin.jobs').where({ id }).update({ done: 2 });
    await vi.waitFor(() => expect(stream.events.at(-1)).toMatchObject({ event: 'progress', data: { percent: 50 } }));
    await db('matrix_admin.jobs').where({ id }).update({ state: 'succeeded', done: 4, finished_at: new Date() });
    await stream.ended;
    expect(stream.events.map(({ event }) => event)).toEqual(['progress', 'progress', 'progress', 'end']);
    expect(stream.events.at(-1)?.data).toEqual(jsonOf(await plugin.asAdmin(`${JOBS}/${id}`)));
  });

  it('that have ended give a stream of two events', async () => {
    const id = await addJob(db, { state: 'failed', finished_at: new Date(), error: 'a reason\n\nevent: x' });
    const stream = await listen(plugin, id);
    await stream.ended;
    expect(stream.events).toMatchObject([
      { event: 'progress', data: { state: 'failed' } },
      { event: 'end', data: { state: 'failed', error: 'a reason\n\nevent: x' } },
    ]);
  });

  it('that do not exist give no stream', async () => {
    const answer = await plugin.asAdmin(`${JOBS}/01234567-89ab-4def-8123-456789abcdef/events`);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('application/json');
    const id = await addJob(db);
    const head = await plugin.asAdmin(`${JOBS}/${id}/events`, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  it('are no longer read after the client disconnects', async () => {
    const id = await addJob(db);
    let queries = 0;
    const count = ({ bindings }: { bindings: unknown[] }): void => {
      if (bindings.includes(id)) queries += 1;
    };
    const streams = await Promise.all(Array.from({ length: 5 }, () => listen(plugin, id)));
    plugin.database.pluginDb.on('query', count);
    try {
      await vi.waitFor(() => expect(queries).toBeGreaterThan(0));
      for (const stream of streams) stream.leave();
      await vi.waitFor(
        async () => {
          const before = queries;
          await new Promise((resolve) => {
            setTimeout(resolve, 600);
          });
          expect(queries).toBe(before);
        },
        { timeout: 5_000 },
      );
      expect(plugin.appErrors).toEqual([]);
    } finally {
      plugin.database.pluginDb.off('query', count);
    }
  });

  it('end their streams when the plugin stops', async () => {
    const other = await mountPlugin({ mount, database: plugin.database });
    const id = await addJob(db);
    const stream = await listen(other, id);
    await vi.waitFor(() => expect(stream.events).toHaveLength(1));
    await other.admin.stop();
    await stream.ended;
    expect(stream.events.map(({ event }) => event)).toEqual(['progress']);
    expect(other.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
    await other.close();
  });
});

it('repeats the state of an unchanged job, so that no proxy cuts the stream', async () => {
  const plugin = await mountPlugin({ options: { jobs: { repeatProgressMs: 300 } } });
  onTestFinished(() => plugin.close());
  const stream = await listen(plugin, await addJob(plugin.database.db));
  await expect.poll(() => stream.events.length).toBeGreaterThanOrEqual(3);
  expect(new Set(stream.events.map((event) => JSON.stringify(event))).size).toBe(1);
  stream.leave();
});
