import fc from 'fast-check';

/** Letters, marks and digits of scripts that are written without spaces. The texts are folded, for example in lower case. */
const UNSPACED_BLOCKS = [
  '漢字会議日本語東京中国',
  'ひらがなのはにをゝー',
  'カタカナヴー',
  '한국어회의실',
  'ㄅㄆ',
  'ไทยกำ่',
  'ລາວ',
  'ខ្មែរ',
  'မြန်မာ',
  '𠮷𩸽',
];
const SPACED_BLOCKS = ['abcxyz', '0189', 'éüßñ', 'привет', 'ελληνικά', 'שלום', 'مرحبا', 'हिन्दी', '𝒳'];
const SEPARATORS = [
  ' ',
  ' ',
  '\n',
  '\t',
  '.',
  ',',
  '-',
  '_',
  "'",
  '"',
  ':',
  '\\',
  '&',
  '|',
  '!',
  '(',
  '<',
  '*',
  '、',
  '。',
  '・',
  '🦊',
  '👩‍👩‍👧',
  '\u3000',
  '\u001f',
  '\u00a0',
  '€',
];

const oneOf = (blocks: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...blocks.flatMap((block) => Array.from(block)));

const unspacedCharacters = oneOf(UNSPACED_BLOCKS);
export const spacedCharacters = oneOf(SPACED_BLOCKS);
const separators = fc.constantFrom(...SEPARATORS);

/** Generates realistic texts with mixed scripts and punctuation. */
export const mixedTexts = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: unspacedCharacters },
      { weight: 4, arbitrary: spacedCharacters },
      { weight: 2, arbitrary: separators },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'ＡＢ',
          'ｶﾞ',
          'ﬁ',
          'İ',
          'ΟΔΟΣ',
          'Straße',
          'e\u0301',
          '\u200d',
          '\u00ad',
          '①',
          '㍿',
          'ﷺ',
          'क्ष',
        ),
      },
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

/**
 * Generates any sequence of UTF-16 code units, including halves of surrogate pairs, control characters and unassigned
 * characters.
 */
export const hostileTexts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  mixedTexts,
);

/** Pieces of text that the syntax of queries, or the search engine, might interpret. */
const SYNTAX = [
  '"',
  '"',
  '-',
  '-',
  '--',
  ' ',
  ' ',
  ' OR ',
  ' OR ',
  'OR',
  ' AND ',
  ' NOT ',
  '*',
  '**',
  ':*',
  ':ABCD',
  '\\',
  "'",
  "''",
  '(',
  ')',
  '&',
  '|',
  '!',
  '<->',
  '<2>',
  '<0>',
  '<',
  '>',
  ':',
  '[',
  ']',
  ',',
  '=',
  '!=',
  ' IN ',
  ' TO ',
  ' IS NULL ',
  ' EXISTS ',
  'STARTS WITH',
  '%',
  '_',
  '$1',
  '?',
  '::',
  ';',
  '\u201c',
  '\u201d',
  '\u0000',
  '\ud800',
  '\udc00',
  '\ufffd',
  '\ue000',
  '\ue001',
  '\ue010',
  '\ue010en',
  'a',
  'words',
  'café',
  '漢',
  '漢字',
  '👍🏽',
  "l'école",
  'e-mail',
];

/** Generates queries that are full of syntax, in the right and in the wrong places. */
export const hostileQueries = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...SYNTAX), { maxLength: 30 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: hostileTexts },
);
