/**
 * One tokenizer for all engines, so that all engines find the same events.
 *
 * Text is folded (NFKC, lower case) and cut into runs of letters, marks and digits. A run in a spaced script is one word. A
 * run with characters of an unspaced script (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) becomes overlapping pairs
 * of characters, so every substring of two or more characters is a phrase of pairs. The last character of such a run is also
 * a lexeme of its own, so every character starts a lexeme.
 */
export interface Token {
  readonly lexeme: string;
  /** Counts from 1. Pairs of neighbouring characters have neighbouring positions. */
  readonly position: number;
}

/** Maximum length of an indexed text, in UTF-16 code units. The rest of a longer text is not searchable. */
export const MAX_TEXT_LENGTH = 16_000;
/** Maximum length of a word, in texts and in queries. Longer words are cut. PostgreSQL refuses lexemes of 2 KiB. */
const MAX_WORD_LENGTH = 255;
/** The largest position a `tsvector` holds. */
const MAX_POSITION = 16_383;

/** Finds the same runs as `RUN` in folded ASCII, but faster. Most texts are ASCII. */
const ASCII_RUN = /[a-z0-9]+/g;
const RUN = /[\p{L}\p{M}\p{N}]+/gu;
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const SPACED_RUN =
  /[^\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]+/gu;
/** Soft hyphen, joiners and variation selectors. They are invisible, and users do not type them in a search. */
const INVISIBLE = /[\u00ad\u034f\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g;
/** A run in text that is not folded. Invisible characters do not end it. */
const SPELLED_RUN = /[\p{L}\p{M}\p{N}\u00ad\u200c\u200d\u2060\ufeff]+/gu;
const ASCII = /^[\0-\x7f]*$/;
/** Starts a pair of two characters of spaced scripts, so that the pair does not equal a word of two letters. */
const SPACED_PAIR = '\ue000';

/**
 * Folds case, width, ligatures and composition. Texts and queries are folded the same way. Folded text does not change when
 * it is folded again.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // `toLowerCase()` can decompose characters, so the text is normalised again. A final sigma depends on its position, so it
  // becomes a plain sigma.
  return text.replace(INVISIBLE, '').normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
}

/** The runs of letters, marks and digits of folded text. */
export function runsOf(folded: string): string[] {
  return folded.match(ASCII.test(folded) ? ASCII_RUN : RUN) ?? [];
}

/** Whether a run is cut into pairs. */
export function isUnspaced(run: string): boolean {
  return UNSPACED.test(run);
}

/** The words of spaced scripts in a text, in the text's own spelling. */
export function spelledWordsOf(text: string): string[] {
  return (text.match(SPELLED_RUN) ?? []).flatMap((run) => (isUnspaced(run) ? (run.match(SPACED_RUN) ?? []) : [run]));
}

/** The beginning of a text, at most `length` UTF-16 code units. Does not cut a surrogate pair. */
export function beginningOf(text: string, length: number): string {
  const isCutInPair = (text.codePointAt(length - 1) ?? 0) > 0xffff;
  return text.length > length ? text.slice(0, isCutInPair ? length - 1 : length) : text;
}

/** The indexed form of a run of a spaced script. */
export function wordOf(run: string): string {
  return beginningOf(run, MAX_WORD_LENGTH);
}

/** Overlapping pairs of a run's characters. There is one pair fewer than characters. */
export function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((second, index) => {
    const pair = `${characters[index] ?? ''}${second}`;
    return isUnspaced(pair) ? pair : SPACED_PAIR + pair;
  });
}

/** Whether a character separates runs, or belongs to a spaced or an unspaced script. */
const KIND = { separator: 0, spaced: 1, unspaced: 2 } as const;

function kindsOf(text: string): Uint8Array {
  const kinds = new Uint8Array(text.length);
  for (const { 0: run, index: start } of text.matchAll(RUN)) {
    kinds.fill(KIND.unspaced, start, start + run.length);
    for (const { 0: spaced, index } of run.matchAll(SPACED_RUN)) {
      kinds.fill(KIND.spaced, start + index, start + index + spaced.length);
    }
  }
  return kinds;
}

/** The kind of each UTF-16 code unit. A lookup is much faster than a regular expression. */
const KINDS = kindsOf(Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).join(''));

const isPairAt = (text: string, index: number): boolean =>
  (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.codePointAt(index) ?? 0) > 0xffff;

const kindAt = (text: string, index: number): number | undefined =>
  isPairAt(text, index) ? kindsOf(text.slice(index, index + 2))[0] : KINDS[text.charCodeAt(index)];

const lengthAt = (text: string, index: number): number => (isPairAt(text, index) ? 2 : 1);

const clamped = (position: number): number => Math.min(position, MAX_POSITION);

/** Calls `visit` for each lexeme of a text. Lexemes with the same position come in no particular order. */
export function visitTokens(text: string, visit: (lexeme: string, position: number) => void): void {
  const folded = fold(text);
  let position = 1;
  for (let index = 0; index < folded.length && position <= MAX_POSITION; index += lengthAt(folded, index)) {
    const start = index;
    let unspaced = false;
    for (let kind = kindAt(folded, index); kind; kind = kindAt(folded, index)) {
      unspaced ||= kind === KIND.unspaced;
      index += lengthAt(folded, index);
    }
    if (index === start) continue;
    const run = folded.slice(start, index);
    if (unspaced) position += visitUnspaced(run, position, visit);
    else visit(wordOf(run), position++);
  }
}

/** Visits the lexemes of one run. @returns the number of positions that the run takes: one for each character */
function visitUnspaced(run: string, start: number, visit: (lexeme: string, position: number) => void): number {
  let position = start;
  let previous = { index: 0, unspaced: false };
  let word: { readonly index: number; readonly position: number } | undefined;
  const endWord = (end: number): void => {
    if (word) visit(wordOf(run.slice(word.index, end)), clamped(word.position));
    word = undefined;
  };
  for (let index = 0; index < run.length; position++) {
    const end = index + lengthAt(run, index);
    const unspaced = kindAt(run, index) === KIND.unspaced;
    if (index > 0) {
      const pair = run.slice(previous.index, end);
      visit(previous.unspaced || unspaced ? pair : SPACED_PAIR + pair, clamped(position - 1));
    }
    if (unspaced) endWord(index);
    else word ??= { index, position };
    previous = { index, unspaced };
    index = end;
  }
  endWord(run.length);
  if (previous.unspaced) visit(run.slice(previous.index), clamped(position - 1));
  return position - start;
}

/** The lexemes of a text. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  visitTokens(text, (lexeme, position) => tokens.push({ lexeme, position }));
  return tokens;
}
