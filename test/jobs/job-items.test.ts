import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dryRunItems, type JobItems, storedItems } from '../../src/jobs/job-items.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { queueJob } from '../support/test-jobs.ts';

let database: TestDatabase;
let db: Knex;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterAll(() => database.drop());

const NAMES = ['@a:x', '@b:x', '@c:x', '@d:x', '@e:x', '@f:x'];
const item = fc.record({ item: fc.constantFrom(...NAMES), ordinal: fc.integer({ min: 1, max: 4 }) });
const additions = fc.array(fc.array(item, { maxLength: 4 }), { maxLength: 4 });

/** Returns the answers of all functions that read items. */
async function answersOf(items: JobItems): Promise<unknown> {
  return {
    found: [...(await items.find(db, NAMES.slice(0, 4)))].sort(),
    none: (await items.find(db, [])).size,
    all: await items.list(db),
    first: await items.list(db, 2),
    added: await items.listAdded(db, 0, 100),
    page: await items.listAdded(db, 1, 2),
  };
}

it('a dry run, which has no job, keeps items as a job does', async () => {
  const property = fc.asyncProperty(additions, async (batches) => {
    const [stored, kept] = [storedItems(await queueJob(db, 'x')), dryRunItems()];
    await db.transaction(async (transaction) => {
      for (const batch of batches) {
        await stored.add(transaction, batch);
        await kept.add(transaction, batch);
      }
    });
    expect(await answersOf(kept)).toEqual(await answersOf(stored));
  });
  await fc.assert(property, { numRuns: 30 });
});

it('items are in the order of their ordinals, or in the order in which they were added; the first item of a name stays', async () => {
  for (const items of [storedItems(await queueJob(db, 'x')), dryRunItems()]) {
    await db.transaction(async (transaction) => {
      await items.add(transaction, [
        { item: 'late', ordinal: 9 },
        { item: 'early', ordinal: 1 },
      ]);
      await items.add(transaction, [
        { item: 'late', ordinal: 0 },
        { item: 'middle', ordinal: 5 },
      ]);
    });
    expect(await items.list(db)).toEqual(['early', 'middle', 'late']);
    expect(await items.list(db, 1)).toEqual(['early']);
    expect(await items.listAdded(db, 0, 9)).toEqual(['late', 'early', 'middle']);
    expect(await items.listAdded(db, 1, 1)).toEqual(['early']);
    expect(await items.find(db, ['middle', 'unknown', 'late'])).toEqual(new Set(['middle', 'late']));
  }
});

it('items of one job are separate from those of another job', async () => {
  const [one, other] = [storedItems(await queueJob(db, 'x')), storedItems(await queueJob(db, 'x'))];
  await db.transaction((transaction) => one.add(transaction, [{ item: '@a:x', ordinal: 1 }]));
  expect(await other.list(db)).toEqual([]);
  expect(await other.find(db, ['@a:x'])).toEqual(new Set());
});
