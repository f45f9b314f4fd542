/**
 * Two folds. `fold()` makes the form that counts as spelled: case, width, ligatures and composition do not matter.
 * `foldMarks()` makes the form that people type who leave out marks: `café` as `cafe`, `Köln` as `Koln`.
 */

const ASCII = /^[\0-\x7f]*$/;
/** Soft hyphen, non-joiner, variation selectors and the frame of keycaps: typed by nobody who searches. */
const INVISIBLE = /[\u00ad\u034f\u200c\u2060\u20e3\ufe00-\ufe0f\ufeff]/g;
const JOINER = '\u200d';
/** A joiner that joins no emoji. */
const IDLE_JOINER = /\u200d(?!\p{Extended_Pictographic})/gu;
/** What stands for an apostrophe, among it two letters of Unicode. */
const APOSTROPHE = /[\u2018\u2019\u201b\u02b9\u02bb\u02bc\uff07]/g;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Folds case, width, ligatures and composition, as in texts so in queries. Folded text stays as it is. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  const visible = text.replace(INVISIBLE, '');
  const joined = visible.includes(JOINER) ? visible.replace(IDLE_JOINER, '') : visible;
  // Lower case is composed anew: it has characters that upper case writes with a mark. Final sigma is a matter of place.
  return joined.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').normalize('NFKC').replace(APOSTROPHE, "'");
}

/** A letter of a script whose readers take it without its marks for the same. */
const MARKED = /[\p{sc=Latin}\p{sc=Greek}]/gu;
const MARK = /\p{M}+/gu;

/** Marks that stand by themselves, and what is written in several ways. */
const MARKS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/([\p{sc=Latin}\p{sc=Greek}])[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+/gu, '$1'],
  // Stress. The mark of й makes another letter.
  [/([\p{sc=Cyrillic}])[\u0300\u0301]+/gu, '$1'],
  // Vowel signs of Arabic, hamza above and below, tatweel.
  [/[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]/gu, ''],
  // Hebrew points.
  [/[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/gu, ''],
  // Devanagari: nukta, and the nasal of the next consonant's class, which is written as a letter or as a dot.
  [/\u093c/gu, ''],
  [/\u0901/gu, '\u0902'],
  [/[\u0919\u091e\u0923\u0928\u092e]\u094d(?=[\u0915-\u0939])/gu, '\u0902'],
];

/** Letters that are written for each other, and are no letter with a mark to Unicode or have one that matters. */
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
  װ: 'וו',
  ױ: 'וי',
  ײ: 'יי',
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

/** Zeros of the digits that Arabic, Persian, Hindi and Bengali write. */
const ZEROS: readonly number[] = [0x0660, 0x06f0, 0x0966, 0x09e6];
const DIGIT = /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef]/g;

function digitOf(digit: string): string {
  const code = digit.charCodeAt(0);
  return String(code - (ZEROS.findLast((zero) => zero <= code) ?? code));
}

/** Takes the marks off a folded text. What consists of marks alone stays as it is. */
export function foldMarks(folded: string): string {
  if (ASCII.test(folded)) return folded;
  let text = folded.replace(MARKED, (letter) => letter.normalize('NFD').replace(MARK, ''));
  for (const [pattern, replacement] of MARKS) text = text.replace(pattern, replacement);
  text = text
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .replace(DIGIT, digitOf)
    .normalize('NFC');
  return text === '' ? folded : text;
}

/** How letters with marks are written where the keyboard lacks them. */
const TWO_LETTERS: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe' };
const LETTER_OF_TWO = /[äöüåø]/g;

/** The other forms of a folded word: `köln` has `koln` and `koeln`. */
export function otherFormsOf(word: string): readonly string[] {
  if (ASCII.test(word)) return [];
  const bare = foldMarks(word);
  const written = word.replace(LETTER_OF_TWO, (letter) => TWO_LETTERS[letter] ?? letter);
  const forms = written === word ? [bare] : [bare, foldMarks(written)];
  return forms.filter((form) => form !== word);
}
