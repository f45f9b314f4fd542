import assert from 'node:assert/strict';
import type { RoomId } from '../../ids.ts';
import { createRandom, documentOf, type IndexTest, ROOM } from './harness.ts';

const HOSTILE = [
  '"',
  '""',
  '"unclosed phrase',
  '\\',
  '\\"quoted\\"',
  "' OR 1=1; --",
  '-word',
  '-"a phrase"',
  '!word & | ( <-> :*',
  '%_[]{}*?+^$.',
  'a\u0000b',
  '\u0000',
  '\ud800',
  'a\udc00b',
  'word\ud83d',
  '\u202eright to left',
  '\ufeff',
  '\u{10ffff}',
  '한\u0301국',
  'word IN [a, b] AND room_key EXISTS',
  '{"q":"x"}',
  '../../indexes',
  '<script>alert(1)</script>',
  'deep '.repeat(5_000),
  'x'.repeat(100_000),
  '漢字'.repeat(50_000),
  '("'.repeat(50_000),
  Array.from({ length: 300 }, (_, index) => `w${index}`).join(' '),
] as const;

/** Pieces of the generated search terms: query syntax of several search engines, and words. */
const PIECES =
  "\" \" - -- ( ) [ ] { } * ** ? ~ ~2 ^3 : :* :AB \\ \\\\ ' '' & && | || ! <-> <2> < > = != , ; % _ $1 :: /x/ # @ \u201c \u201d OR OR AND NOT IN TO EXISTS word other 漢字 漢 é 👍🏽 \ud800 \0 \ue000 \ue001 \ue010en".split(
    ' ',
  );
const TERMS_PER_RUN = 100;

/**
 * Tests that no search term and no text makes the index fail, and that no search term finds documents of other rooms.
 * @param runs number of series of `TERMS_PER_RUN` generated terms
 */
export function hostileContract(test: IndexTest, runs: number): void {
  test('answers every generated term, with nothing from other rooms', async ({ write, page }) => {
    const elsewhere = '!elsewhere:example.org' as RoomId;
    await write({ upserts: [documentOf(1, 'word 漢字'), documentOf(2, 'word other 漢 👍', { roomId: elsewhere })] });
    const random = createRandom(7);
    for (let count = 0; count < runs * TERMS_PER_RUN; count += 1) {
      const pieces = Array.from(
        { length: 1 + Math.floor(random() * 12) },
        () => PIECES[Math.floor(random() * PIECES.length)],
      );
      const term = pieces.join(random() < 0.5 ? ' ' : '');
      const { hits } = await page(term, { order: random() < 0.5 ? 'recent' : 'rank' });
      assert.ok(
        hits.every(({ roomId }) => roomId === ROOM),
        term,
      );
    }
  });

  test('answers every term', async ({ write, page }) => {
    await write({ upserts: [documentOf(1, 'word')] });
    for (const term of HOSTILE) {
      for (const order of ['recent', 'rank'] as const) {
        const { hits, count } = await page(term, { order });
        assert.ok(count >= hits.length, term.slice(0, 40));
      }
    }
    assert.equal((await page('word')).hits.length, 1);
  });

  test('accepts every well-formed text of the maximum length, and still finds other documents', async ({
    write,
    page,
  }) => {
    const texts = HOSTILE.map((text) => `neighbour ${text.toWellFormed().replaceAll('\0', '')}`.slice(0, 16_000));
    await write({ upserts: texts.map((text, index) => documentOf(index + 1, text.toWellFormed())) });
    assert.equal((await page('neighbour')).hits.length, texts.length);
  });
}
