import { createHash } from 'node:crypto';
import type { SearchAnalysis } from '../analysis/analysis.ts';

/** Meilisearch cuts longer values that it filters by: at 468 bytes. */
const MAX_WORD_BYTES = 200;
const PLAIN = /^[a-z0-9]+$/;
/** Starts the values of lexemes that are not plain, and of those that are too long. */
const CODED = '_';
const HASHED = '__';

/**
 * A lexeme as a value that Meilisearch filters by and does not fold: as it is if it is lower-case ASCII, else its UTF-16
 * code units in hexadecimal. The value of a lexeme that is too long is its hash.
 */
export function engineWord(lexeme: string): string {
  const word = valueOf(lexeme);
  return word.length <= MAX_WORD_BYTES ? word : `${HASHED}${createHash('sha256').update(word).digest('hex')}`;
}

/** How the values of lexemes start that start with this one, whether the rest of them is plain or not. */
export function engineWordStarts(lexeme: string): string[] {
  const coded = codedValueOf(lexeme).slice(0, MAX_WORD_BYTES);
  return PLAIN.test(lexeme) ? [lexeme.slice(0, MAX_WORD_BYTES), coded] : [coded];
}

const valueOf = (lexeme: string): string => (PLAIN.test(lexeme) ? lexeme : codedValueOf(lexeme));

const codedValueOf = (lexeme: string): string => `${CODED}${Buffer.from(lexeme, 'utf16le').swap16().toString('hex')}`;

/** The distinct values of a text: one for each lexeme, and the beginning of one that is too long. */
export function engineWordsOf(text: string, analysis: SearchAnalysis): string[] {
  const words = new Set<string>();
  analysis.visitLexemes(text, (lexeme) => {
    const value = valueOf(lexeme);
    words.add(engineWord(lexeme));
    if (value.length > MAX_WORD_BYTES) words.add(value.slice(0, MAX_WORD_BYTES));
  });
  return [...words];
}
