import assert from 'node:assert/strict';
import type { Expectations } from './expectations.ts';
import { documentOf, type IndexTest, textsOf } from './harness.ts';
import { MORE_LANGUAGES } from './more-languages.ts';
import { NAMES } from './names.ts';
import { SPELLED_LANGUAGES } from './spelled-languages.ts';
import { WESTERN_LANGUAGES } from './western-languages.ts';

const ALL: readonly (readonly [language: string, Expectations])[] = Object.entries({
  ...WESTERN_LANGUAGES,
  ...MORE_LANGUAGES,
  ...SPELLED_LANGUAGES,
  ...NAMES,
});

/**
 * Tests that searches in many languages find the expected texts and no others, and that a word as spelled ranks above its other
 * forms.
 */
export function expectationsContract(test: IndexTest): void {
  for (const [language, { texts, finds }] of ALL) {
    test(`finds ${language}, and nothing else`, async ({ write, find }) => {
      await write({ upserts: texts.map((text, index) => documentOf(index + 1, text)) });
      const found: Record<string, number[]> = {};
      for (const query of Object.keys(finds)) {
        found[query] = textsOf(await find(query))
          .map((text) => texts.indexOf(text))
          .sort((a, b) => a - b);
      }
      assert.deepEqual(found, finds);
    });
  }

  test('ranks a word as it is spelled above its other forms, and these above its stem', async ({ write, page }) => {
    const texts = ['I was exposing it', 'they expose it', 'the exposé, again'];
    await write({ upserts: texts.map((text, index) => documentOf(index + 1, text)) });
    for (const [query, first] of [
      ['expose', 'they expose it'],
      ['exposé', 'the exposé, again'],
      ['exposing', 'I was exposing it'],
    ] as const) {
      const { hits } = await page(query, { order: 'rank' });
      assert.equal(hits.length, 3, query);
      assert.equal(hits[0]?.text, first, query);
    }
  });
}
