import assert from 'node:assert/strict';
import type { EventId } from '../../ids.ts';
import type { SearchHit, SearchOrder } from '../../search/search-index.ts';
import { documentOf, eventIdOf, type IndexTest, idsOf, type Tested } from './harness.ts';

const TEXTS = ['apple', 'apple apple', 'one apple a day', 'a basket of pears, plums and an apple', 'Apple!'];

/** Tests that the pages of a search contain every hit once, in order. Also tests counts and unknown page tokens. */
export function pagingContract(test: IndexTest): void {
  test('pages from the newest to the oldest', async ({ write, page }) => {
    await write({ upserts: Array.from({ length: 25 }, (_, index) => documentOf(index + 1, `apple ${index}`)) });
    const pages = await allPages(page, 'apple', 'recent', 7);
    assert.deepEqual(
      pages.map((hits) => hits.length),
      [7, 7, 7, 4],
    );
    assert.deepEqual(idsOf(pages.flat()), numbers(25, 1).map(eventIdOf));
  });

  test('has no next page after a full last page', async ({ write, page }) => {
    await write({ upserts: numbers(1, 6).map((number) => documentOf(number, 'apple')) });
    for (const order of ['recent', 'rank'] as const) {
      assert.equal((await allPages(page, 'apple', order, 3)).length, 2, order);
    }
  });

  test('loses and repeats no hits that share a stream position', async ({ write, page }) => {
    const upserts = numbers(1, 12).map((number) =>
      documentOf(100 + Math.floor(number / 5), 'apple', { eventId: eventIdOf(number) }),
    );
    await write({ upserts });
    for (const limit of [1, 2, 5]) {
      const hits = (await allPages(page, 'apple', 'recent', limit)).flat();
      assert.deepEqual(idsOf(hits).sort(), numbers(1, 12).map(eventIdOf), `pages of ${limit}`);
      assert.deepEqual(
        hits.map(({ streamPosition }) => streamPosition),
        upserts.map(({ streamPosition }) => streamPosition).reverse(),
      );
    }
  });

  test('continues after the last hit while newer hits are added', async ({ write, page }) => {
    await write({ upserts: numbers(1, 6).map((number) => documentOf(number, 'apple')) });
    const { next } = await page('apple', { limit: 3 });
    assert.ok(next !== undefined);
    await write({ upserts: [documentOf(7, 'apple')], removals: [eventIdOf(4)] });
    assert.deepEqual(
      idsOf(await page('apple', { limit: 10, after: next }).then(({ hits }) => hits)),
      numbers(3, 1).map(eventIdOf),
    );
  });

  test('pages through hits by rank', async ({ write, page }) => {
    await write({ upserts: numbers(1, 40).map((number) => documentOf(number, TEXTS[number % TEXTS.length] ?? '')) });
    for (const limit of [7, 40]) {
      const hits = (await allPages(page, 'apple', 'rank', limit)).flat();
      assert.deepEqual(idsOf(hits).sort(), numbers(1, 40).map(eventIdOf), `pages of ${limit}`);
      const ranks = hits.map(({ rank }) => rank);
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => b - a),
      );
    }
  });

  test('counts at least the returned hits, and not many more', async ({ write, page }) => {
    await write({ upserts: numbers(1, 30).map((number) => documentOf(number, number % 2 === 0 ? 'apple' : 'pear')) });
    assert.equal((await page('apple')).count, 15);
    const { count } = await page('apple', { limit: 4 });
    assert.ok(count >= 5 && count <= 15, `count ${count}`);
  });

  test('refuses an unknown page token', async ({ write, page }) => {
    await write({ upserts: [documentOf(1, 'apple')] });
    const tokens = [
      'nonsense',
      '%%%',
      '-1',
      Buffer.from('{"a":1}').toString('base64url'),
      'x'.repeat(10_000),
      '1_2_3_4',
    ];
    for (const after of tokens) {
      for (const order of ['recent', 'rank'] as const) {
        await assert.rejects(
          page('apple', { after, order }),
          { name: 'MatrixError', errcode: 'M_INVALID_PARAM' },
          after,
        );
      }
    }
  });
}

async function allPages(page: Tested['page'], term: string, order: SearchOrder, limit: number): Promise<SearchHit[][]> {
  const pages: SearchHit[][] = [];
  const seen = new Set<EventId>();
  let after: string | undefined;
  do {
    const { hits, next } = await page(term, { order, limit, ...(after === undefined ? {} : { after }) });
    assert.ok(hits.length <= limit);
    assert.ok(pages.length < 1_000, 'paging does not end');
    for (const { eventId } of hits) {
      assert.ok(!seen.has(eventId), `${eventId} is on two pages`);
      seen.add(eventId);
    }
    pages.push([...hits]);
    after = next;
  } while (after !== undefined);
  return pages;
}

function numbers(from: number, to: number): number[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => from + index * step);
}
