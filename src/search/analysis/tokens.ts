import { emojiAt, foldEmoji, isUnspaced, KIND, kindAt, lengthAt } from './characters.ts';
import { foldMarks } from './fold.ts';

/** Longest text that is indexed, in UTF-16 code units; what follows is not searchable. */
export const MAX_TEXT_LENGTH = 16_000;
/** Words are cut here, in texts and in queries alike; PostgreSQL refuses lexemes of 2 KiB. */
const MAX_WORD_LENGTH = 255;
/** The largest position a `tsvector` holds. */
export const MAX_POSITION = 16_383;
/** Starts a pair of characters of spaced scripts, so that it is never taken for a word of two letters. */
const SPACED_PAIR = '\ue000';

/**
 * A piece of a text. A `word` is a run of letters, marks and digits of scripts that are written with spaces. A `run` has
 * characters of a script written without them: Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese.
 */
export interface Token {
  readonly kind: 'word' | 'run' | 'emoji';
  /** Folded; a word keeps its marks. */
  readonly text: string;
  /** Counts from 1. A word or an emoji takes one position, a run one for each of its characters. */
  readonly position: number;
  /** What alone stands between this token and the one before it. */
  readonly joint: string | undefined;
}

/** Apostrophes and hyphens: what they join is found as one word too. */
const JOINTS: ReadonlySet<string> = new Set(["'", '-', '\u2010', '\u2011']);

const LAST_ASCII = 0x7f;

/** Cuts a folded text. */
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
      tokens.push({ kind: 'emoji', text: foldEmoji(emoji), position, joint: undefined });
      position += 1;
    } else {
      let isUnspacedRun = false;
      let hasMarks = false;
      for (; kind === KIND.spaced || kind === KIND.unspaced; kind = kindAt(folded, index)) {
        if (kind === KIND.unspaced) isUnspacedRun = true;
        else if (folded.charCodeAt(index) > LAST_ASCII) hasMarks = true;
        index += lengthAt(folded, index);
      }
      const run = folded.slice(start, index);
      if (isUnspacedRun) {
        const text = hasMarks ? foldMarks(run) : run;
        tokens.push({ kind: 'run', text, position, joint: undefined });
        position += lengthOf(text);
      } else {
        tokens.push({ kind: 'word', text: wordOf(run), position, joint });
        position += 1;
      }
    }
    end = index;
  }
  return tokens;
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

/** The beginning of a text, at most `length` UTF-16 code units of it; a surrogate pair is not cut in two. */
export function beginningOf(text: string, length: number): string {
  const isCutInPair = (text.codePointAt(length - 1) ?? 0) > 0xffff;
  return text.length > length ? text.slice(0, isCutInPair ? length - 1 : length) : text;
}

/** A run of a spaced script as it is indexed. */
export function wordOf(run: string): string {
  return beginningOf(run, MAX_WORD_LENGTH);
}

/** Overlapping pairs of a run's characters; one fewer than it has characters. */
export function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((second, index) => {
    const pair = `${characters[index] ?? ''}${second}`;
    return isUnspaced(pair) ? pair : SPACED_PAIR + pair;
  });
}

const clamped = (position: number): number => Math.min(position, MAX_POSITION);

/**
 * Calls `visitPair` for overlapping pairs of a run's characters, so that every substring of two characters or more is a
 * phrase of pairs. The last character is a lexeme of its own, so that every single character starts a lexeme. Calls
 * `visitWord` for the words of spaced scripts in it. In no particular order of those that share a position.
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
