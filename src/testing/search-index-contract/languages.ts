import assert from 'node:assert/strict';
import { createRandom, documentOf, type IndexTest, textsOf } from './harness.ts';
import { MIXED_SENTENCES, SENTENCES } from './sentences.ts';

const SUBSTRINGS_PER_LANGUAGE = 80;
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u;
const ONE_RUN = /^[\p{L}\p{M}\p{N}]+$/u;

/**
 * Tests with random substrings of Chinese, Japanese and Korean texts, and with a few words, that a search finds exactly the
 * texts that contain the substring or word.
 */
export function languagesContract(test: IndexTest): void {
  for (const [language, sentences] of Object.entries(SENTENCES)) {
    test(`finds every two to four characters of ${language}`, async ({ write, find }) => {
      await write({ upserts: sentences.map((text, index) => documentOf(index + 1, text)) });
      for (const substring of sample(sentences, [2, 3, 4], SUBSTRINGS_PER_LANGUAGE)) {
        assert.deepEqual(textsOf(await find(substring)).sort(), containing(sentences, substring), substring);
      }
    });
  }

  test('finds single characters', async ({ write, find }) => {
    const sentences = Object.values(SENTENCES).flat();
    await write({ upserts: sentences.map((text, index) => documentOf(index + 1, text)) });
    for (const character of sample(sentences, [1], SUBSTRINGS_PER_LANGUAGE)) {
      assert.deepEqual(textsOf(await find(character)).sort(), containing(sentences, character), character);
    }
  });

  test('finds words and characters in texts with several scripts', async ({ write, find }) => {
    await write({ upserts: MIXED_SENTENCES.map((text, index) => documentOf(index + 1, text)) });
    for (const substring of sample(MIXED_SENTENCES, [2, 3, 4, 5], SUBSTRINGS_PER_LANGUAGE)) {
      assert.deepEqual(textsOf(await find(substring)).sort(), containing(MIXED_SENTENCES, substring), substring);
    }
    for (const word of ['typescript', 'POSTGRESQL', 'Python', 'wifi', 'meetup']) {
      assert.deepEqual(textsOf(await find(word)), containing(MIXED_SENTENCES, word), word);
    }
  });

  test('requires characters in their order', async ({ write, find }) => {
    await write({
      upserts: [documentOf(1, '会社で'), documentOf(2, '社会で'), documentOf(3, '哈哈哈哈'), documentOf(4, '哈哈')],
    });
    assert.deepEqual(textsOf(await find('社会')), ['社会で']);
    assert.deepEqual(textsOf(await find('哈哈哈')), ['哈哈哈哈']);
    assert.deepEqual(textsOf(await find('ﾊﾞｰ')), []);
  });
}

/**
 * Picks `count` random substrings of the given lengths. Each consists of letters and digits, and contains a Chinese, Japanese
 * or Korean character.
 */
function sample(sentences: readonly string[], lengths: readonly number[], count: number): Set<string> {
  const random = createRandom(42);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const substrings = new Set<string>();
  while (substrings.size < count) {
    const characters = Array.from(pick(sentences) ?? '');
    const start = Math.floor(random() * characters.length);
    const substring = characters.slice(start, start + (pick(lengths) ?? 1)).join('');
    if (ONE_RUN.test(substring) && UNSPACED.test(substring)) substrings.add(substring);
  }
  return substrings;
}

function containing(sentences: readonly string[], substring: string): string[] {
  return sentences.filter((text) => text.toLowerCase().includes(substring.toLowerCase())).sort();
}
