import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterEach, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import type { JobView } from '../../src/jobs/jobs.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import { requestCancel } from '../../src/storage/plugin/jobs.ts';
import {
  editOf,
  encryptRoom,
  indexedTexts,
  insertEvents,
  messageOf,
  ROOM,
  redactionOf,
} from '../support/event-rows.ts';
import { createGatedSearch, type GatedSearch, type GatedSearchOptions } from '../support/gated-search.ts';
import { startLiveWriter } from '../support/live-writer.ts';
import {
  type PluginOnDatabase,
  type RunningPlugin,
  startNeighbour,
  startPluginOnDatabase,
  TEST_ACTOR,
  until,
} from '../support/search-plugin.ts';
import { FIXTURE_TEXTS } from './fixture-texts.ts';

const SAMPLE_ROOM = { roomId: ROOM as RoomId, senders: ['@user:localhost' as UserId] as const };

let open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.reverse()) await close();
  open = [];
});

async function start(...args: Parameters<typeof startPluginOnDatabase>): Promise<PluginOnDatabase> {
  const plugin = await startPluginOnDatabase(...args);
  open.push(plugin.close);
  return plugin;
}

/** Starts a plugin with generated messages. Its rebuilds can be paused. */
async function startGated(
  count: number,
  options: GatedSearchOptions = {},
): Promise<PluginOnDatabase & { readonly gate: GatedSearch }> {
  const gate = createGatedSearch(options);
  const plugin = await start({}, { search: gate.adapter });
  await generateSampleEvents(plugin.db, { count, rooms: [SAMPLE_ROOM], seed: 7 });
  // The gate opens at the end of the test, because a paused rebuild would prevent the plugin from stopping.
  open.push(async () => gate.open());
  return { ...plugin, gate };
}

/** Reads the texts of the stored events, by event id. */
async function storedTexts(db: Knex): Promise<Record<string, string>> {
  const rows = await db('public.syncapi_output_room_events').select('event_id', 'headered_event_json');
  return Object.fromEntries(rows.map((row) => [row.event_id, JSON.parse(row.headered_event_json).content.body]));
}

/** Finds everything that a rebuild creates for itself. After a rebuild, nothing of it may be left. */
async function leftovers(db: Knex): Promise<Record<string, unknown>> {
  const { rows: tables } = await db.raw(
    `SELECT relname FROM pg_class WHERE relnamespace = 'matrix_admin'::regnamespace AND relname ~ '^search_documents_[0-9a-f]{32}'`,
  );
  const { rows: changes } = await db.raw('SELECT * FROM matrix_admin.search_changes');
  const { rows: ranges } = await db.raw('SELECT * FROM matrix_admin.job_ranges');
  const { rows: rebuilds } = await db.raw('SELECT * FROM matrix_admin.search_indexes WHERE rebuild_id IS NOT NULL');
  return { tables, changes, ranges, rebuilds };
}

const NOTHING = { tables: [], changes: [], ranges: [], rebuilds: [] };
const viewOf = ({ admin }: RunningPlugin, jobId: string): Promise<JobView> =>
  admin.operations.getJob({ jobId }, { actor: TEST_ACTOR });

describe('an index that was written with another analysis', () => {
  it('is rebuilt when the plugin starts, once', async () => {
    const { db, database, admin, stop } = await start({}, { search: { languages: [] } });
    await insertEvents(db, [messageOf('$a:x', 'we were running')]);
    await admin.events.apply([messageOf('$a:x', 'we were running')]);
    await stop();
    const neighbour = await startNeighbour(database);
    open.push(neighbour.stop);
    await until(async () => (await neighbour.find('runs')).length === 1);
    await until(async () => (await db('matrix_admin.jobs').where({ state: 'succeeded' })).length === 1);
    const next = await startNeighbour(database);
    open.push(next.stop);
    expect(await db('matrix_admin.jobs').select('kind', 'created_by')).toEqual([
      { kind: 'reindexFulltext', created_by: 'system:search' },
    ]);
  });
});

describe('a reindex', () => {
  it('of the recorded database indexes exactly what Dendrite wrote', async () => {
    const { db, reindex, logger, find } = await start({ fixture: true });
    const job = await reindex();
    expect(job).toMatchObject({
      state: 'succeeded',
      total: 89,
      done: 89,
      percent: 100,
      result: { documents: 64, processes: 1 },
    });
    expect(await indexedTexts(db)).toEqual(FIXTURE_TEXTS);
    expect(await leftovers(db)).toEqual(NOTHING);
    const { rows: indexes } = await db.raw(
      `SELECT indexname FROM pg_indexes WHERE schemaname = 'matrix_admin' AND tablename = 'search_documents' ORDER BY 1`,
    );
    expect(indexes.map(({ indexname }: { indexname: string }) => indexname)).toEqual([
      'search_documents_event_id',
      'search_documents_lexemes',
      'search_documents_room_id',
      'search_documents_sample',
    ]);
    const rooms = await db('public.syncapi_output_room_events').distinct('room_id').pluck('room_id');
    expect(await find('日本語', { rooms })).toHaveLength(3);
    expect(await find('hello edited 7', { rooms })).toEqual(['$hj_HPtR5snwSA045aBhU-__jjLJlSEJrKnLV1bw6KaQ']);
    expect(await find('hello version', { rooms })).toEqual([]);
    expect(await find('Encrypted', { rooms })).toEqual([]);
    expect(logger.lines.filter(({ message }) => /^Indexed 64 events in \d+(\.\d+)? s$/.test(message))).toHaveLength(1);
  });

  it('can be repeated with the same result', async () => {
    const { db, reindex } = await start({ fixture: true });
    for (let round = 0; round < 3; round++) {
      expect((await reindex()).state).toBe('succeeded');
      expect(await indexedTexts(db)).toEqual(FIXTURE_TEXTS);
    }
    expect(await leftovers(db)).toEqual(NOTHING);
  });

  it('of an empty database ends with an empty index', async () => {
    const { db, reindex } = await start();
    expect(await reindex()).toMatchObject({
      state: 'succeeded',
      done: 0,
      total: 0,
      percent: 100,
      result: { documents: 0 },
    });
    expect(await indexedTexts(db)).toEqual({});
  });

  it('reads each of several thousand rows once', async () => {
    const { db, reindex, find } = await startGated(2_500);
    expect(await reindex()).toMatchObject({
      state: 'succeeded',
      done: 2_500,
      total: 2_500,
      result: { documents: 2_500 },
    });
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
    const texts = Object.entries(await storedTexts(db));
    const [word = ''] = texts
      .map(([, text]) => /\p{Script=Han}{2}/u.exec(text)?.[0])
      .filter((found) => found !== undefined);
    const expected = texts.filter(([, text]) => text.includes(word)).map(([id]) => id);
    expect((await find(word)).sort()).toEqual(expected.sort());
  });

  it('logs each batch at debug level, and its end, but no text of messages', async () => {
    const { reindex, logger } = await startGated(1_000);
    // Remove the log lines of start().
    logger.lines.length = 0;
    await reindex();
    const batches = logger.lines.filter(({ message }) => message === 'Indexed a batch');
    expect(batches.every(({ level }) => level === 'debug')).toBe(true);
    expect(batches.reduce((sum, { fields }) => sum + Number(fields['events']), 0)).toBe(1_000);
    const messages = logger.lines.filter(({ level }) => level === 'info').map(({ message }) => message);
    expect(messages.slice(messages.indexOf('Starting to index events'))).toEqual([
      'Starting to index events',
      expect.stringMatching(/^Indexed 1000 events in /),
      'Job ended',
    ]);
    expect(logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(logger.text()).not.toMatch(/Hm|\.\.\.|[\u3040-\u30ff\u4e00-\u9fff]|"body"/);
  });

  it('shows a progress that never decreases', async () => {
    const { admin, startReindex, gate } = await startGated(3_000, { batchMs: 40 });
    const seen: JobView[] = [];
    const id = await startReindex();
    for (;;) {
      const job = await viewOf({ admin } as RunningPlugin, id);
      seen.push(job);
      if (job.finishedTs !== null) break;
    }
    expect(gate.reached('load')).toBeGreaterThanOrEqual(15);
    const done = seen.map((job) => job.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    const percents = seen.map(({ percent }) => percent ?? 0);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(new Set(done).size).toBeGreaterThan(5);
    expect(seen.at(-1)).toMatchObject({ state: 'succeeded', done: 3_000, percent: 100 });
    expect(seen.at(-1)?.rate).toBeGreaterThan(0);
  });

  it('skips rows without an event', async () => {
    const { db, reindex } = await start();
    await insertEvents(db, [messageOf('$a:x', 'first')]);
    for (const [index, json] of [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '7',
      '{"content":null}',
      '{"content":[]}',
      '{"content":{"body":{}}}',
      '{"content":{"body":"\\u0000"}}',
    ].entries()) {
      await insertEvents(db, [messageOf(`$broken${index}:x`, 'x')]);
      await db('public.syncapi_output_room_events')
        .where('event_id', `$broken${index}:x`)
        .update('headered_event_json', json);
    }
    await insertEvents(db, [messageOf('$b:x', 'last'), messageOf('$c:x', 'half \ud800, NUL \0 and \u001f')]);
    expect(await reindex()).toMatchObject({ state: 'succeeded', done: 13 });
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'first', '$b:x': 'last', '$c:x': 'half \ufffd, NUL   and  ' });
  });

  it('reads only the content of an event, in any form of its JSON', async () => {
    const { db, reindex } = await start();
    const canonical = (content: Record<string, unknown>, authEvents: unknown[] = ['$a:x', '$b:x']): string =>
      JSON.stringify({ auth_events: authEvents, content, depth: 7, type: 'm.room.message' });
    const json = [
      canonical({ body: 'plain', msgtype: 'm.text' }),
      canonical({ body: 'of the first event' }, []),
      canonical({ body: '],"content":{"body":"quoted"},"depth":1' }),
      canonical({ a: [1], content: { body: 'inner' }, depth: 1, body: 'of content of its own' }),
      canonical({ a: { depth: 1, body: 'inner' }, depth: 2, body: 'of depth of its own' }),
      canonical({ body: 'with braces' }, ['{', '}', '],"content":{"body":"x"},"depth":1']),
      canonical({ body: 'outer' }, [{ a: [1], content: { body: 'inner' }, depth: 1 }]),
      JSON.stringify({ type: 'm.room.message', auth_events: [], depth: 1, content: { body: 'in another order' } }),
      JSON.stringify({ auth_events: [], content: { body: 'without depth' } }),
      JSON.stringify(JSON.parse(canonical({ body: 'indented' })), null, 2),
    ];
    const ids = json.map((_, index) => `$${index}:x`);
    await insertEvents(
      db,
      ids.map((id) => messageOf(id, 'x')),
    );
    for (const [index, id] of ids.entries())
      await db('public.syncapi_output_room_events')
        .where('event_id', id)
        .update('headered_event_json', json[index] ?? '');
    expect(await reindex()).toMatchObject({ state: 'succeeded', done: json.length });
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });

  it('is not stopped by events of hostile servers', async () => {
    const { db, reindex } = await start();
    await insertEvents(db, [
      ...['$a\0b:x', '$\ud800:x', `$${'a'.repeat(60_000)}:x`, ''].map((id, index) =>
        editOf(`$edit${index}:x`, id, 'text'),
      ),
      messageOf('$forged\u001fid:x', 'x'),
      messageOf('$forged id:x', 'kept'),
      messageOf('$type:x', '', { type: 'constructor', content: { undefined: 'x' } }),
      redactionOf('$r:x', '$type:x'),
      messageOf('$long:x', '𠮷あa'.repeat(20_000)),
      editOf('$self:x', '$self:x', 'itself'),
      editOf('$circle1:x', '$circle2:x', 'one'),
      editOf('$circle2:x', '$circle1:x', 'two'),
    ]);
    expect((await reindex()).state).toBe('succeeded');
    expect(Object.keys(await indexedTexts(db)).sort()).toEqual([
      '$circle1:x',
      '$circle2:x',
      '$edit0:x',
      '$edit1:x',
      '$edit2:x',
      '$edit3:x',
      '$forged id:x',
      '$long:x',
      '$self:x',
    ]);
  });

  it('reads rows with long texts in small batches', async () => {
    const { db, reindex, logger } = await start({}, { jobs: { leaseMs: 10_000 } });
    const body = 'word '.repeat(12_000);
    const ids = Array.from({ length: 400 }, (_, index) => `$${index}:x`);
    for (let from = 0; from < 400; from += 50)
      await insertEvents(
        db,
        ids.slice(from, from + 50).map((id) => messageOf(id, body)),
      );
    expect(await reindex()).toMatchObject({ state: 'succeeded', done: 400, result: { documents: 400 } });
    const sizes = logger.lines
      .filter(({ message }) => message === 'Indexed a batch')
      .map(({ fields }) => Number(fields['events']));
    expect(sizes.slice(1).length).toBeGreaterThan(0);
    for (const size of sizes.slice(1)) expect(size * body.length).toBeLessThan(4_000_000);
  });

  it('leaves encrypted rooms out', async () => {
    const { db, reindex } = await start();
    await insertEvents(db, [
      messageOf('$a:x', 'clear'),
      messageOf('$b:x', 'secret', { room_id: '!b:x' }),
      editOf('$e:x', '$b:x', 'secret', { room_id: '!b:x' }),
    ]);
    await encryptRoom(db, '!b:x', '$enc:x');
    await reindex();
    expect(await indexedTexts(db)).toEqual({ '$a:x': 'clear' });
  });
});

describe('while a reindex runs', () => {
  it('the old index answers until the swap', async () => {
    const { db, find, startReindex, admin, gate } = await startGated(1_000);
    await insertEvents(db, [messageOf('$new:x', 'nobody told')]);
    await db('matrix_admin.search_documents').insert({
      event_id: '$old:x',
      room_id: ROOM,
      sender: '@a:x',
      stream_position: 1,
      key: 'content.body',
      text: 'outdated',
      lexemes: `'outdated':1`,
    });
    for (const stage of ['load', 'finishLoad', 'swap'] as const) {
      const before = gate.reached(stage);
      gate.close(stage);
      const id = stage === 'load' ? await startReindex() : undefined;
      await until(() => gate.reached(stage) > before);
      expect(await find('outdated')).toEqual(['$old:x']);
      expect(await find('nobody')).toEqual([]);
      if (id !== undefined) open.push(async () => void (await admin.jobs.wait(id)));
    }
    gate.open();
    await until(async () => (await find('nobody')).length > 0);
    expect(await find('outdated')).toEqual([]);
  });

  it('another call joins the reindex', async () => {
    const { admin, startReindex, gate } = await startGated(1_000);
    gate.close('load');
    const id = await startReindex();
    await until(() => gate.reached('load') > 0);
    const joined = await Promise.all(
      Array.from({ length: 10 }, () => admin.operations.reindexFulltext.start({}, { actor: TEST_ACTOR })),
    );
    expect(joined).toEqual(Array.from({ length: 10 }, () => ({ jobId: id, joined: true })));
    gate.open();
    await admin.jobs.wait(id);
    expect(await admin.operations.reindexFulltext.start({}, { actor: TEST_ACTOR })).toMatchObject({ joined: false });
  });

  it('a call waits for its end, and after-hooks receive the result', async () => {
    const { admin } = await start();
    const heard: unknown[] = [];
    admin.hooks.after('reindexFulltext', { name: 'test' }, ({ result }) => {
      heard.push(result);
    });
    const result = await admin.operations.reindexFulltext({}, { actor: TEST_ACTOR });
    expect(result).toEqual({ documents: 0, durationMs: expect.any(Number), processes: expect.any(Number) });
    await expect.poll(() => heard).toEqual([result]);
  });

  it.each(['load', 'finishLoad', 'swap'] as const)(
    'cancelling it at %s leaves the old index and nothing else',
    async (stage) => {
      const { db, admin, find, startReindex, gate } = await startGated(1_000, { batchMs: 10 });
      await insertEvents(db, [messageOf('$a:x', 'already there'), editOf('$e:x', '$b:x', 'edit')]);
      await admin.events.apply([messageOf('$a:x', 'already there')]);
      gate.close(stage);
      const id = await startReindex();
      await until(() => gate.reached(stage) > 1 || (stage !== 'load' && gate.reached(stage) > 0));
      const sendMeanwhile = insertEvents(db, [messageOf('$m:x', 'meanwhile')]).then(() =>
        admin.events.apply([messageOf('$m:x', 'meanwhile')]),
      );
      if (stage !== 'swap') await sendMeanwhile;
      await admin.operations.cancelJob({ jobId: id }, { actor: TEST_ACTOR });
      gate.open();
      expect(await admin.jobs.wait(id)).toMatchObject({ state: 'cancelled', result: null });
      await sendMeanwhile;
      expect(await indexedTexts(db)).toEqual({ '$a:x': 'already there', '$m:x': 'meanwhile' });
      expect(await find('already')).toEqual(['$a:x']);
      expect(await leftovers(db)).toEqual(NOTHING);
    },
  );

  it('sent, edited and redacted messages are correct at the end', async () => {
    const { db, admin, reindex, gate } = await startGated(4_000, { batchMs: 20 });
    const before = await storedTexts(db);
    const ids = Object.keys(before);
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const writers = [0, 1, 2, 3].map((index) =>
      startLiveWriter({
        db,
        admin,
        name: `w${index}`,
        roomId: ROOM,
        others: ids.filter((_, at) => at % 4 === index),
        random,
      }),
    );
    expect(await reindex()).toMatchObject({ state: 'succeeded' });
    for (const writer of writers) await writer.stop();
    expect(gate.reached('write')).toBeGreaterThan(0);
    const expected = writers.reduce((texts, writer) => writer.expected(texts), before);
    expect(Object.keys(expected).length).not.toBe(ids.length);
    expect(await indexedTexts(db)).toEqual(expected);
    expect(await leftovers(db)).toEqual(NOTHING);
    expect(await reindex()).toMatchObject({ state: 'succeeded' });
    expect(await indexedTexts(db)).toEqual(expected);
  });

  it('an event is indexed even if its transaction is open at the beginning and at the end', async () => {
    const { db, admin, reindex, startReindex, gate } = await startGated(500);
    const early = await db.transaction();
    await insertEvents(early, [messageOf('$early:x', 'written before, told of later')]);
    gate.close('finishLoad');
    const id = await startReindex();
    await until(() => gate.reached('finishLoad') > 0);
    await admin.events.apply([messageOf('$early:x', '')], { transaction: early });
    await early.commit();
    gate.open();
    await admin.jobs.wait(id);
    expect((await indexedTexts(db))['$early:x']).toBe('written before, told of later');
    expect((await reindex()).state).toBe('succeeded');
  });

  it('a slow transaction of the homeserver does not delay the others', async () => {
    const { db, admin, startReindex } = await startGated(500);
    const slow = await db.transaction();
    await insertEvents(slow, [messageOf('$slow:x', 'slow')]);
    await admin.events.apply([messageOf('$slow:x', 'slow')], { transaction: slow });
    const id = await startReindex();
    let longest = 0;
    for (const end = Date.now() + 4_000; Date.now() < end; ) {
      const startedAt = Date.now();
      const event = messageOf(`$quick${startedAt}:x`, 'quick');
      await insertEvents(db, [event]);
      await admin.events.apply([event]);
      longest = Math.max(longest, Date.now() - startedAt);
      await delay(20);
    }
    expect(longest).toBeLessThan(2_500);
    await slow.commit();
    expect(await admin.jobs.wait(id)).toMatchObject({ state: 'succeeded' });
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });
});

describe('an interrupted reindex', () => {
  it('resumes when the process stops and another starts', async () => {
    const { database, db, startReindex, stop, gate } = await startGated(2_000, { batchMs: 20 });
    const id = await startReindex();
    await until(() => gate.reached('load') >= 4);
    await stop();
    const done = (await db('matrix_admin.job_ranges').pluck('done')).reduce((sum, rows) => sum + Number(rows), 0);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(2_000);
    const next = await startNeighbour(database);
    open.push(next.stop);
    expect(await next.admin.jobs.wait(id)).toMatchObject({ state: 'succeeded', attempts: 2, done: 2_000 });
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });

  it.each([
    ['after the swap', { phase: 'swap' }, 1],
    ['before the swap', { phase: 'edits', editedUpTo: '' }, 0],
  ])('that resumes %s succeeds', async (_, checkpoint, swapped) => {
    const { db, admin, find, startReindex, reindex, gate } = await startGated(500);
    if (swapped === 0) gate.close('swap');
    const id = await startReindex();
    if (swapped === 0) {
      await until(() => gate.reached('swap') > 0);
      gate.open();
    }
    await admin.jobs.wait(id);
    await insertEvents(db, [messageOf('$later:x', 'later')]);
    await admin.events.apply([messageOf('$later:x', 'later')]);
    if (swapped === 1) {
      await db('matrix_admin.jobs')
        .where({ id })
        .update({
          state: 'running',
          finished_at: null,
          checkpoint: JSON.stringify({ ...checkpoint, marker: 'x' }),
          lease_owner: db.raw('gen_random_uuid()'),
          lease_until: db.raw(`now() - interval '1 s'`),
        });
      expect(await admin.jobs.wait(id)).toMatchObject({ state: 'succeeded', attempts: 2, error: null });
    }
    expect(await find('later')).toEqual(['$later:x']);
    expect((await reindex()).state).toBe('succeeded');
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });

  it('that left a shadow behind is cleaned up by the next reindex', async () => {
    const { db, admin, startReindex, reindex, gate } = await startGated(1_000);
    gate.close('load');
    const id = await startReindex();
    await until(() => gate.reached('load') > 0);
    // After a backup was restored, the job may be missing while its rebuild still exists.
    await db('matrix_admin.jobs').where({ id }).del();
    gate.open();
    await expect(admin.jobs.wait(id)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    await until(async () => (await reindex()).state === 'succeeded');
    expect(await leftovers(db)).toEqual(NOTHING);
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });
});

describe('several processes', () => {
  it('share a reindex', async () => {
    const { database, db, admin, startReindex, gate } = await startGated(6_000, { batchMs: 30 });
    const neighbour = await startNeighbour(database, { search: gate.adapter });
    open.push(neighbour.stop);
    const id = await startReindex();
    expect(await admin.jobs.wait(id)).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      done: 6_000,
      result: { processes: 2 },
    });
    expect(neighbour.logger.lines.some(({ message }) => message === 'Indexed a batch')).toBe(true);
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
  });

  it.each(['the one that leads', 'the one that helps'])('continue when %s stops', async (who) => {
    const { database, db, admin, stop, startReindex, logger, gate } = await startGated(4_000, { batchMs: 30 });
    const neighbour = await startNeighbour(database, { search: gate.adapter });
    const id = await startReindex();
    const hasWorked = ({ logger: { lines } }: Pick<RunningPlugin, 'logger'>): boolean =>
      lines.some(({ message }) => message === 'Indexed a batch');
    await until(() => hasWorked(neighbour) && hasWorked({ logger }));
    const [leader] = await db('matrix_admin.jobs').where({ id }).select('attempts');
    expect(leader.attempts).toBe(1);
    const ledHere = logger.lines.some(({ message }) => message === 'Starting to index events');
    const stopsHere = (who === 'the one that leads') === ledHere;
    await (stopsHere ? stop() : neighbour.stop());
    const left = stopsHere ? neighbour.admin : admin;
    expect(await left.jobs.wait(id)).toMatchObject({ state: 'succeeded', done: 4_000, result: { processes: 2 } });
    expect(await indexedTexts(db)).toEqual(await storedTexts(db));
    if (stopsHere) await neighbour.stop();
  });

  it('cancel it together', async () => {
    const { database, db, admin, startReindex, gate } = await startGated(6_000, { batchMs: 30 });
    const neighbour = await startNeighbour(database, { search: gate.adapter });
    open.push(neighbour.stop);
    const id = await startReindex();
    await until(() => gate.reached('load') > 8);
    await requestCancel(neighbour.db, id);
    expect(await admin.jobs.wait(id)).toMatchObject({ state: 'cancelled' });
    await until(async () => Array.isArray((await leftovers(db))['tables']));
    expect(await leftovers(db)).toEqual(NOTHING);
    expect(neighbour.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('search that is switched off', () => {
  it('has no reindex', async () => {
    const { admin } = await start({}, { search: false });
    await expect(admin.operations.reindexFulltext({}, { actor: TEST_ACTOR })).rejects.toMatchObject({
      errcode: 'M_BAD_STATE',
      status: 400,
    });
  });
});

describe('few connections', () => {
  it.each([3, 4])('a pool of %d connections is enough for the plugin and four busy writers', async (poolSize) => {
    // The lease is as long as in production, because the heartbeat must wait for a connection while four writers are busy.
    const { db, admin, reindex } = await start({ poolSize }, { limits: { connections: 2 }, jobs: { leaseMs: 10_000 } });
    const rooms = [0, 1, 2, 3].map((index) => `!room${index}:localhost`);
    await db('public.roomserver_rooms').insert(
      rooms.map((room_id) => ({ room_id, room_version: '10', latest_event_nids: [] })),
    );
    await generateSampleEvents(db, { count: 2_000, rooms: [SAMPLE_ROOM], seed: 7 });
    const before = await storedTexts(db);
    const random = Math.random;
    const writers = rooms.map((roomId, index) =>
      startLiveWriter({ db, admin, name: `w${index}`, roomId, locksRoom: true, random }),
    );
    for (let round = 0; round < 3; round++) {
      expect(await reindex()).toMatchObject({ state: 'succeeded', attempts: 1, error: null });
    }
    for (const writer of writers) await writer.stop();
    const expected = writers.reduce((texts, writer) => writer.expected(texts), before);
    expect(await indexedTexts(db)).toEqual(expected);
    expect(await leftovers(db)).toEqual(NOTHING);
  });

  it.each([
    [2, 1],
    [4, 3],
  ])(
    'with a limit of %d connections, a job loads %d batches at once and renews leases',
    async (connections, batches) => {
      const gate = createGatedSearch({ lanes: 8 });
      const { db, admin, startReindex } = await start(
        { poolSize: 20 },
        { limits: { connections }, search: gate.adapter },
      );
      await generateSampleEvents(db, { count: 4_000, rooms: [SAMPLE_ROOM], seed: 7 });
      gate.close('load');
      const id = await startReindex();
      await until(() => gate.reached('load') === batches);
      await delay(300);
      expect(gate.reached('load')).toBe(batches);
      gate.open();
      expect(await admin.jobs.wait(id)).toMatchObject({ state: 'succeeded' });
    },
  );
});

describe('a rebuild of a server with a long history', () => {
  it.each([2 ** 31 - 2, 2 ** 33, 2 ** 52])('finds events whose stream ids start at %d', async (first) => {
    const plugin = await start();
    await plugin.db.raw(`ALTER SEQUENCE public.syncapi_stream_id RESTART WITH ${first}`);
    await insertEvents(plugin.db, [messageOf('$old', 'old words'), messageOf('$new', 'new words')]);
    const { jobId } = await plugin.admin.operations.reindexFulltext.start({}, { actor: TEST_ACTOR });
    const job = await plugin.admin.jobs.wait(jobId);
    expect(job).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(Object.keys(await indexedTexts(plugin.db)).sort()).toEqual(['$new', '$old']);
  });
});
