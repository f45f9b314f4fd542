import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDelivery } from '../../src/search/delivery.ts';
import { meilisearchSearch } from '../../src/search/meilisearch/index.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  editOf,
  encryptRoom,
  insertEvents,
  messageOf,
  ROOM,
  redactionOf,
  redactRow,
  type TestEvent,
} from '../support/event-rows.ts';
import { type MeilisearchDouble, startMeilisearchDouble } from '../support/meilisearch-double.ts';
import { type RunningPlugin, startPlugin } from '../support/search-plugin.ts';

let database: TestDatabase;
let engine: MeilisearchDouble;
let plugin: RunningPlugin;

beforeEach(async () => {
  database = await createTestDatabase();
  engine = await startMeilisearchDouble({ batchMs: 1 });
  plugin = await startPlugin(database.db, {
    search: meilisearchSearch({ url: engine.url, retryDelayMs: 10 }),
    // No process dies in these tests. The long lease prevents a busy machine from looking like a dead process.
    jobs: { leaseMs: 10_000 },
  });
});

afterEach(async () => {
  engine.resume();
  await plugin.stop();
  await engine.stop();
  await database.drop();
});

/** Writes events and applies them to the index, in one transaction. */
const send = (...events: readonly TestEvent[]): Promise<void> =>
  database.db.transaction(async (transaction) => {
    await insertEvents(transaction, events);
    await plugin.admin.events.apply(events, { transaction });
  });

/** Repeats a search until it finds what is expected. */
async function eventually(term: string, expected: readonly string[]): Promise<void> {
  await expect.poll(() => plugin.find(term), { interval: 5 }).toEqual(expected);
}

it('delivers new messages to the engine by itself', async () => {
  await send(messageOf('$one', 'otter'), messageOf('$two', 'badger'));
  await eventually('otter', ['$one']);
  await eventually('badger', ['$two']);
});

it('hides the old text of an edited message before the engine has the edit', async () => {
  await send(messageOf('$one', 'otter'));
  await eventually('otter', ['$one']);
  engine.pause();
  await send(editOf('$edit', '$one', 'badger'));
  expect(await plugin.find('otter')).toEqual([]);
  engine.resume();
  await eventually('badger', ['$edit']);
});

it('hides a redacted message before the engine has the redaction', async () => {
  await send(messageOf('$one', 'otter'));
  await eventually('otter', ['$one']);
  engine.pause();
  await database.db.transaction(async (transaction) => {
    const redaction = redactionOf('$redaction', '$one');
    await redactRow(transaction, '$one', '$redaction');
    await insertEvents(transaction, [redaction]);
    await plugin.admin.events.apply([redaction], { transaction });
  });
  expect(await plugin.find('otter')).toEqual([]);
});

it('hides a newly encrypted room before the engine has the change', async () => {
  await send(messageOf('$one', 'otter'));
  await eventually('otter', ['$one']);
  engine.pause();
  await encryptRoom(database.db, ROOM, '$encryption');
  expect(await plugin.find('otter')).toEqual([]);
});

it('keeps changes while the engine is unavailable, and delivers them afterwards', async () => {
  await send(messageOf('$one', 'otter'));
  await eventually('otter', ['$one']);
  await engine.crash();
  await send(messageOf('$two', 'otter too'));
  await engine.restart();
  await eventually('otter', ['$two', '$one']);
});

it('rebuilds the index while events are written, without a lost change', async () => {
  await insertEvents(
    database.db,
    Array.from({ length: 300 }, (_, index) => messageOf(`$old${index}`, `heron ${index}`)),
  );
  const rebuilt = plugin.reindex();
  for (let index = 0; index < 30; index++) await send(messageOf(`$new${index}`, `heron new ${index}`));
  expect(await rebuilt).toMatchObject({ state: 'succeeded', total: expect.any(Number) });
  for (let found = 0; found !== 330; await delay(5)) found = (await plugin.find('heron')).length;
  expect(await plugin.find('299')).toEqual(['$old299']);
  for (let waiting = -1; waiting !== 0; await delay(5)) {
    const { rows } = await database.db.raw('SELECT count(*)::int AS waiting FROM matrix_admin.search_changes');
    waiting = rows[0].waiting;
  }
});

it('pauses for one piece of work at a time, also in one process', async () => {
  const index = { engine: 'meilisearch', write: async () => {} };
  const delivery = createDelivery({ db: database.db, index, logger: createCapturedLogger(), pollIntervalMs: 10 });
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await delay(20);
    running -= 1;
  };
  const { signal } = new AbortController();
  await Promise.all([1, 2, 3].map(() => delivery.whilePaused(work, signal)));
  expect(most).toBe(1);
  await delivery.stop();
});
