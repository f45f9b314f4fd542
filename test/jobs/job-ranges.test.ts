import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  advanceRange,
  claimRange,
  type HeldRange,
  insertRanges,
  rangeSummary,
  releaseRange,
  renewRange,
} from '../../src/storage/plugin/job-ranges.ts';
import { requestCancel } from '../../src/storage/plugin/jobs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { loseLeader, queueJob } from '../support/test-jobs.ts';

const LEASE_MS = 60_000;
const [ONE, OTHER] = [randomUUID(), randomUUID()];

let database: TestDatabase;
let db: Knex;
let jobId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  jobId = await queueJob(db, 'x');
  await loseLeader(db, jobId);
});

const cut = (upper: number, width: number): Promise<void> =>
  db.transaction((transaction) => insertRanges(transaction, jobId, { lower: 0, upper }, width));

async function claim(owner: string): Promise<HeldRange | undefined> {
  const range = await claimRange(db, jobId, owner, LEASE_MS);
  return range && { jobId, range, owner, leaseMs: LEASE_MS };
}

async function hold(owner: string): Promise<HeldRange> {
  const held = await claim(owner);
  if (held === undefined) throw new Error('there is no free range');
  return held;
}

const advance = (held: HeldRange, from: number, position: number, finished = false): Promise<boolean> =>
  db.transaction((transaction) => advanceRange(transaction, held, { from, position, finished, rows: 1 }));
const expire = (): PromiseLike<unknown> =>
  db('matrix_admin.job_ranges')
    .where({ job_id: jobId })
    .update({ lease_until: db.raw(`now() - interval '1 s'`) });

describe('ranges', () => {
  it.each([
    [
      10,
      4,
      [
        [0, 4],
        [4, 8],
        [8, 10],
      ],
    ],
    [
      8,
      4,
      [
        [0, 4],
        [4, 8],
      ],
    ],
    [1, 4, [[0, 1]]],
    [0, 4, []],
  ])('cut (0, %d] into pieces of %d', async (upper, width, expected) => {
    await cut(upper, width);
    const rows = await db('matrix_admin.job_ranges')
      .where({ job_id: jobId })
      .orderBy('range_no')
      .select('position', 'upper_position');
    expect(rows.map((row) => [Number(row.position), Number(row.upper_position)])).toEqual(expected);
  });

  it('are each held by one process at a time', async () => {
    await cut(40, 4);
    const claimed = await Promise.all(Array.from({ length: 16 }, (_, index) => claim(index % 2 === 0 ? ONE : OTHER)));
    const numbers = claimed.flatMap((held) => (held === undefined ? [] : [held.range.rangeNo]));
    expect(numbers.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('accept each batch once, even from a process that holds the range twice', async () => {
    await cut(10, 10);
    const held = await hold(ONE);
    await expire();
    const again = await hold(ONE);
    expect(await advance(held, 0, 5)).toBe(true);
    expect(await advance(again, 0, 5)).toBe(false);
    expect(await advance(again, 5, 10, true)).toBe(true);
    expect(await advance(held, 5, 10, true)).toBe(false);
    const [row] = await db('matrix_admin.job_ranges').where({ job_id: jobId });
    expect(row).toMatchObject({ done: '2', finished: true });
  });

  it('go to another process after the lease expires, at the position of the first one', async () => {
    await cut(10, 10);
    const held = await hold(ONE);
    await advance(held, 0, 5);
    expect(await claim(OTHER)).toBeUndefined();
    await expire();
    const taken = await hold(OTHER);
    expect(taken.range.position).toBe(5);
    expect(await advance(held, 5, 8)).toBe(false);
    await releaseRange(db, held);
    await renewRange(db, held);
    expect(await claim(ONE)).toBeUndefined();
    expect(await advance(taken, 5, 10, true)).toBe(true);
    expect(await rangeSummary(db, jobId)).toEqual({ unfinished: 0, processes: 2 });
  });

  it('are not claimed when the job must stop', async () => {
    await cut(20, 10);
    const held = await hold(ONE);
    await requestCancel(db, jobId);
    expect(await advance(held, 0, 5)).toBe(false);
    expect(await claim(OTHER)).toBeUndefined();
  });
});
