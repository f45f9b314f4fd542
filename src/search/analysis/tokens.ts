import { emojiAt, foldEmoji, isUnspaced, KIND, kindAt, lengthAt } from './characters.ts';
import { foldMarks } from './fold.ts';

/** Maximum length of an indexed text, in UTF-16 code units. The rest of a longer text is not searchable. */
export const MAX_TEXT_LENGTH = 16_000;
/**
 * Maximum length of a word, in UTF-16 code units. `wordOf()` cuts longer words, because PostgreSQL refuses lexemes of 2 KiB and
 * more.
 */
const MAX_WORD_LENGTH = 255;
/** The highest position in a `tsvector` of PostgreSQL. */
export const MAX_POSITION = 16_383;
/**
 * The first character of the lexeme for two adjacent characters of a run (see `Token`) if both belong to scripts that are
 * written with spaces, such as `AB` within Chinese characters. This first character distinguishes the pair from a word of the
 * same two letters.
 */
const SPACED_PAIR = '\ue000';

/**
 * A piece of a text. A `word` consists of letters, marks and digits of scripts that are written with spaces. A `run` contains
 * at least one character of a script that is written without spaces: Chinese, Japanese, Korean, Thai, Lao, Khmer or Burmese. An
 * `emoji` is one emoji.
 */
export interface Token {
  readonly kind: 'word' | 'run' | 'emoji';
  /**
   * The text of the token. The text is folded, for example put into lower case. A `word` keeps its marks, such as accents, and
   * is cut at `MAX_WORD_LENGTH`. In a `run`, the characters of scripts with spaces lose their marks. An `emoji` has no skin
   * tone.
   */
  readonly text: string;
  /**
   * Position of the token in the text. The first position is 1. A `word` or an `emoji` takes one position. A `run` takes one
   * position for each of its characters.
   */
  readonly position: number;
  /**
   * `start` is the index of the token's first UTF-16 code unit in the folded text. `end` is the index of the code unit behind
   * the token.
   */
  readonly start: number;
  readonly end: number;
  /** The one character of `JOINTS` between the previous token and this `word`. `undefined` if anything else is between them. */
  readonly joint: string | undefined;
}

/**
 * Apostrophes, hyphens, and the zero-width non-joiner of Persian. Words that such a character joins also count as one word: a
 * search for `e-mail` finds `email`, and the reverse.
 */
const JOINTS: ReadonlySet<string> = new Set(["'", '-', '\u2010', '\u2011', '\u200c']);
const APOSTROPHE = 0x27;
/** An apostrophe between a Cyrillic letter and a vowel such as `я`. In Ukrainian and Belarusian, it is part of the word. */
const CYRILLIC_APOSTROPHE = /(?<=\p{sc=Cyrillic})'(?=[яюєїеё])/uy;

const LAST_ASCII = 0x7f;

/** Cuts a folded text into tokens. Stops after `MAX_POSITION` positions. */
export function tokensOf(folded: string): Token[] {
  const tokens: Token[] = [];
  let position = 1;
  let end = -2;
  for (let index = 0; index < folded.length && position <= MAX_POSITION; ) {
    const start = index;
    let kind = kindAt(folded, index);
    if (kind === KIND.separator) {
      index += lengthAt(folded, index);
      continue;
    }
    const joint = start === end + 1 ? jointAt(folded, end) : undefined;
    if (kind === KIND.emoji) {
      const emoji = emojiAt(folded, index);
      index += emoji.length;
      tokens.push({ kind: 'emoji', text: foldEmoji(emoji), position, start, end: index, joint: undefined });
      position += 1;
    } else {
      let isUnspacedRun = false;
      let hasMarks = false;
      let hasApostrophe = false;
      for (; ; kind = kindAt(folded, index)) {
        if (kind === KIND.separator && hasMarks && isWithinWord(folded, index)) hasApostrophe = true;
        else if (kind !== KIND.spaced && kind !== KIND.unspaced) break;
        else if (kind === KIND.unspaced) isUnspacedRun = true;
        else if (folded.charCodeAt(index) > LAST_ASCII) hasMarks = true;
        index += lengthAt(folded, index);
      }
      const slice = folded.slice(start, index);
      const run = hasApostrophe ? slice.replaceAll("'", '') : slice;
      if (isUnspacedRun) {
        const text = hasMarks ? foldMarks(run) : run;
        tokens.push({ kind: 'run', text, position, start, end: index, joint: undefined });
        position += lengthOf(text);
      } else {
        tokens.push({ kind: 'word', text: wordOf(run), position, start, end: index, joint });
        position += 1;
      }
    }
    end = index;
  }
  return tokens;
}

/** Tells whether the character at `index` is an apostrophe that does not separate words. */
function isWithinWord(folded: string, index: number): boolean {
  if (folded.charCodeAt(index) !== APOSTROPHE) return false;
  CYRILLIC_APOSTROPHE.lastIndex = index;
  return CYRILLIC_APOSTROPHE.test(folded);
}

function jointAt(text: string, index: number): string | undefined {
  const character = text.charAt(index);
  return JOINTS.has(character) ? character : undefined;
}

function lengthOf(run: string): number {
  let length = 0;
  for (let index = 0; index < run.length; index += lengthAt(run, index)) length += 1;
  return length;
}

/** Returns the first `length` UTF-16 code units of a text, or one fewer if the cut would split a surrogate pair. */
export function beginningOf(text: string, length: number): string {
  const isCutInPair = (text.codePointAt(length - 1) ?? 0) > 0xffff;
  return text.length > length ? text.slice(0, isCutInPair ? length - 1 : length) : text;
}

/** Cuts a word at `MAX_WORD_LENGTH`. The index stores the cut word. */
function wordOf(run: string): string {
  return beginningOf(run, MAX_WORD_LENGTH);
}

/** Returns the overlapping pairs of a run's characters, as lexemes. A run of n characters has n - 1 pairs. */
export function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((second, index) => {
    const pair = `${characters[index] ?? ''}${second}`;
    return isUnspaced(pair) ? pair : SPACED_PAIR + pair;
  });
}

/**
 * Returns the number of positions that a lexeme takes in a text. A lexeme of a run takes one position for each of its
 * characters. A word of a script with spaces, or an emoji, takes one position.
 */
export function charactersIn(lexeme: string): number {
  if (lexeme.startsWith(SPACED_PAIR)) return 2;
  return isUnspaced(lexeme) ? lengthOf(lexeme) : 1;
}

const clamped = (position: number): number => Math.min(position, MAX_POSITION);

/**
 * Calls `visitPair` for each overlapping pair of a run's characters. So every substring of at least two characters can be found
 * as a phrase of pairs. If the last character belongs to a script without spaces, also calls `visitPair` for this character
 * alone. So every character of such a script starts some lexeme, and can be found by a prefix. Calls `visitWord` for the words
 * of scripts with spaces in the run. Calls for the same position come in no particular order.
 */
export function visitRun(
  { text: run, position: start }: Token,
  visitPair: (pair: string, position: number) => void,
  visitWord: (word: string, position: number) => void,
): void {
  let position = start;
  let previous = { index: 0, unspaced: false };
  let word: { readonly index: number; readonly position: number } | undefined;
  const endWord = (end: number): void => {
    if (word) visitWord(wordOf(run.slice(word.index, end)), clamped(word.position));
    word = undefined;
  };
  for (let index = 0; index < run.length; position++) {
    const end = index + lengthAt(run, index);
    const unspaced = kindAt(run, index) === KIND.unspaced;
    if (index > 0) {
      const pair = run.slice(previous.index, end);
      visitPair(previous.unspaced || unspaced ? pair : SPACED_PAIR + pair, clamped(position - 1));
    }
    if (unspaced) endWord(index);
    else word ??= { index, position };
    previous = { index, unspaced };
    index = end;
  }
  endWord(run.length);
  if (previous.unspaced) visitPair(run.slice(previous.index), clamped(position - 1));
}
