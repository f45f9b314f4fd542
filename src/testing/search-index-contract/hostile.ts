import assert from 'node:assert/strict';
import { documentOf, type IndexTest } from './harness.ts';

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

/** Tests that no search term and no text makes the index fail. */
export function hostileContract(test: IndexTest): void {
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
