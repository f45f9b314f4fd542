/**
 * The kinds of characters, for cutting a text into tokens. `spaced`: a letter, mark or digit of a script that is written with
 * spaces between words. `unspaced`: a letter, mark or digit of a script that is written without spaces, such as Chinese.
 * `emoji`: the first character of an emoji. `separator`: any other character.
 */
export const KIND = { separator: 0, spaced: 1, unspaced: 2, emoji: 3 } as const;

const RUN = /[\p{L}\p{M}\p{N}]+/gu;
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const SPACED_RUN =
  /[^\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+/gu;
const EMOJI_START = /[\p{Extended_Pictographic}\p{Regional_Indicator}]/gu;

const ELEMENT = '\\p{Extended_Pictographic}[\\u{fe0f}\\u{1f3fb}-\\u{1f3ff}]*';
const EMOJI_PATTERN = `\\p{Regional_Indicator}{1,2}|${ELEMENT}(?:[\\u{e0020}-\\u{e007f}]+|(?:\\u200d${ELEMENT})*)`;
const EMOJI_AT = new RegExp(EMOJI_PATTERN, 'uy');
const SKIN_TONE = /[\u{1f3fb}-\u{1f3ff}]/gu;

/** Tells whether a text contains a character of a script that is written without spaces. */
export function isUnspaced(run: string): boolean {
  return UNSPACED.test(run);
}

/**
 * Returns the runs of letters, marks and digits of a folded text. A folded text is the result of `fold()`, which for example
 * puts a text into lower case.
 */
export function runsOf(folded: string): string[] {
  return folded.match(RUN) ?? [];
}

/** Returns the emoji that starts at `index` in a folded text, with its skin tone and with all emoji that are joined with it. */
export function emojiAt(folded: string, index: number): string {
  EMOJI_AT.lastIndex = index;
  return EMOJI_AT.exec(folded)?.[0] ?? folded.slice(index, index + lengthAt(folded, index));
}

/** Removes the skin tone of an emoji. A skin tone without another emoji stays. */
export function foldEmoji(emoji: string): string {
  return emoji.replace(SKIN_TONE, '') || emoji;
}

function kindsOf(text: string): Uint8Array {
  const kinds = new Uint8Array(text.length);
  for (const { 0: run, index: start } of text.matchAll(RUN)) {
    kinds.fill(KIND.unspaced, start, start + run.length);
    for (const { 0: spaced, index } of run.matchAll(SPACED_RUN)) {
      kinds.fill(KIND.spaced, start + index, start + index + spaced.length);
    }
  }
  for (const { 0: emoji, index } of text.matchAll(EMOJI_START)) {
    if (kinds[index] === KIND.separator) kinds.fill(KIND.emoji, index, index + emoji.length);
  }
  return kinds;
}

/**
 * The kind of each UTF-16 code unit. The code unit is the index in the array. Reading this array is much faster than running a
 * regular expression.
 */
const KINDS = kindsOf(
  Buffer.from(Uint16Array.from({ length: 0x1_0000 }, (_, code) => code).buffer).toString('utf16le'),
);

const isPairAt = (text: string, index: number): boolean =>
  (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.codePointAt(index) ?? 0) > 0xffff;

/**
 * Returns the kind of the character at `index`, a value of `KIND`. Returns `undefined` if `index` is behind the end of the
 * text.
 */
export const kindAt = (text: string, index: number): number | undefined =>
  isPairAt(text, index) ? kindsOf(text.slice(index, index + 2))[0] : KINDS[text.charCodeAt(index)];

/** Returns the length of the character at `index`, in UTF-16 code units. */
export const lengthAt = (text: string, index: number): number => (isPairAt(text, index) ? 2 : 1);
