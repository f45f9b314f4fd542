/**
 * This file makes different spellings of a word equal. `fold()` removes differences of case, width, ligatures, Unicode
 * composition and the script of digits. The index treats the result of `fold()` as the spelling of a word. `foldMarks()` also
 * removes marks such as accents, because some people type without marks: `cafe` for `café`, `Koln` for `Köln`.
 */

const ASCII = /^[\0-\x7f]*$/;
/**
 * Characters that nobody types into a search: soft hyphen, grapheme joiner, word joiner, the frame of keycap emoji, variation
 * selectors, byte order mark.
 */
const INVISIBLE = /[\u00ad\u034f\u2060\u20e3\ufe00-\ufe0f\ufeff]/g;
const NON_JOINER = '\u200c';
/**
 * A zero-width non-joiner that is not behind an Arabic letter. `fold()` removes it. Other non-joiners stay, because in Persian
 * a non-joiner separates a word from its endings.
 */
const IDLE_NON_JOINER = /(?<!\p{sc=Arabic})\u200c/gu;
const JOINER = '\u200d';
/** A zero-width joiner that is not followed by an emoji. `fold()` removes it. */
const IDLE_JOINER = /\u200d(?!\p{Extended_Pictographic})/gu;
/**
 * Characters that people use as an apostrophe, and decimal digits other than 0 to 9, such as Arabic or Thai digits. Unicode
 * classes three of the apostrophes (U+02B9, U+02BB, U+02BC) as letters.
 */
const APOSTROPHE_OR_DIGIT = new RegExp(
  '[\\u2018\\u2019\\u201b\\u02b9\\u02bb\\u02bc\\uff07[\\p{Nd}&&[\\u0660-\\uffef]]]',
  'gv',
);
const IS_DIGIT = /\p{Nd}/u;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/**
 * Folds a text or a query: removes invisible characters, and makes equal what differs only in case, width, ligatures, Unicode
 * composition, the kind of apostrophe or the script of digits. Folding a folded text changes nothing.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  const visible = text.replace(INVISIBLE, '');
  const parted = visible.includes(NON_JOINER) ? visible.replace(IDLE_NON_JOINER, '') : visible;
  const joined = parted.includes(JOINER) ? parted.replace(IDLE_JOINER, '') : parted;
  // The second `normalize` composes letters whose composed form exists in lower case only. Final sigma becomes sigma, because
  // the two differ only by their place in a word.
  const lower = joined.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
  return lower.replace(APOSTROPHE_OR_DIGIT, (character) => (IS_DIGIT.test(character) ? digitOf(character) : "'"));
}

/**
 * Returns the ASCII digit with the same value. In Unicode, the code of a script's zero is a multiple of 16, or a multiple of 16
 * plus 6.
 */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  const value = code % 16;
  return String(IS_DIGIT.test(String.fromCodePoint(code - value)) ? value : value - 6);
}

/** Letters of Latin and Greek. Readers of these scripts treat a letter with a mark and the same letter without it as equal. */
const MARKED = /[\p{sc=Latin}\p{sc=Greek}]/gu;
const MARK = /\p{M}+/gu;

/**
 * Marks that are characters of their own, and letters with several spellings. `foldMarks()` replaces each pattern by the text
 * beside it.
 */
const MARKS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Combining marks behind letters of Latin and Greek.
  [/([\p{sc=Latin}\p{sc=Greek}])[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+/gu, '$1'],
  // Stress marks of Cyrillic. The mark of й is not among them, because й is a different letter from и.
  [/([\p{sc=Cyrillic}])[\u0300\u0301]+/gu, '$1'],
  // Vowel signs of Arabic, hamza above and below, tatweel.
  [/[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]/gu, ''],
  // Hebrew points.
  [/[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/gu, ''],
  // Devanagari: the nukta, a dot under a letter, is removed.
  [/\u093c/gu, ''],
  // Devanagari: the nasal sign candrabindu becomes the sign anusvara, because people write one for the other.
  [/\u0901/gu, '\u0902'],
  // Devanagari: a nasal letter that is joined to the next consonant becomes an anusvara, because people write it either way.
  [/[\u0919\u091e\u0923\u0928\u092e]\u094d(?=[\u0915-\u0939])/gu, '\u0902'],
];

/**
 * Letters that people replace by other letters, each with its replacement. `MARKED` and `MARKS` do not cover them. Unicode does
 * not decompose some of them, such as ß and ł. The scripts of the other letters are not in `MARKED`, because in these scripts a
 * letter with a mark can be a different letter: й is not и.
 */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ø: 'o',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
  ħ: 'h',
  ŧ: 't',
  ə: 'e',
  ё: 'е',
  ѐ: 'е',
  ѝ: 'и',
  ѓ: 'г',
  ќ: 'к',
  ґ: 'г',
  آ: 'ا',
  أ: 'ا',
  إ: 'ا',
  ٱ: 'ا',
  ى: 'ي',
  ی: 'ي',
  ې: 'ي',
  ئ: 'ي',
  ؤ: 'و',
  ة: 'ه',
  ہ: 'ه',
  ە: 'ه',
  ک: 'ك',
  ऩ: 'न',
  ऱ: 'र',
  ऴ: 'ळ',
  ൺ: 'ണ്',
  ൻ: 'ന്',
  ർ: 'ര്',
  ൽ: 'ല്',
  ൾ: 'ള്',
  ൿ: 'ക്',
  װ: 'וו',
  ױ: 'וי',
  ײ: 'יי',
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

/**
 * Removes the marks of a folded text, and replaces the letters of `LETTERS`. Returns a text that consists only of marks
 * unchanged.
 */
export function foldMarks(folded: string): string {
  if (ASCII.test(folded)) return folded;
  let text = folded.replace(MARKED, (letter) => letter.normalize('NFD').replace(MARK, ''));
  for (const [pattern, replacement] of MARKS) text = text.replace(pattern, replacement);
  text = text.replace(LETTER, (letter) => LETTERS[letter] ?? letter).normalize('NFC');
  return text === '' ? folded : text;
}

/** The two letters that people type instead of a letter with a mark if their keyboard lacks it. */
const TWO_LETTERS: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe' };
const LETTER_OF_TWO = /[äöüåø]/g;

/**
 * Returns the spellings without marks in which people may type a folded word. Leaves out the word itself. For `köln`, the
 * spellings are `koln` and `koeln`.
 */
export function otherFormsOf(word: string): readonly string[] {
  if (ASCII.test(word)) return [];
  const bare = foldMarks(word);
  const written = word.replace(LETTER_OF_TWO, (letter) => TWO_LETTERS[letter] ?? letter);
  const forms = written === word ? [bare] : [bare, foldMarks(written)];
  return forms.filter((form) => form !== word);
}
