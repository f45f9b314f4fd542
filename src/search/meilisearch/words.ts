import { createHash } from 'node:crypto';
import type { SearchAnalysis } from '../analysis/analysis.ts';

/** Maximum length of a value in the attribute `lexemes`, in bytes. Meilisearch cuts values of filters at 468 bytes. */
const MAX_WORD_BYTES = 200;
const PLAIN = /^[a-z0-9]+$/;
/**
 * `CODED` is the start of the value of a lexeme that is not plain. `HASHED` is the start of the value of a lexeme that is too
 * long.
 */
const CODED = '_';
const HASHED = '__';

/**
 * Encodes a lexeme as a filter value that Meilisearch does not change. A lexeme of lower-case ASCII letters and digits stays as
 * it is. Any other lexeme becomes its UTF-16 code units in hexadecimal. If the value is longer than `MAX_WORD_BYTES`, the
 * function returns a SHA-256 hash of the value.
 */
export function engineWord(lexeme: string): string {
  const word = valueOf(lexeme);
  return word.length <= MAX_WORD_BYTES ? word : `${HASHED}${createHash('sha256').update(word).digest('hex')}`;
}

/**
 * Returns beginnings of filter values. For each lexeme that starts with `lexeme`, `engineWordsOf()` returns a value that starts
 * with one of these beginnings. A plain `lexeme` gives two beginnings, because a longer lexeme may be plain or coded.
 */
export function engineWordStarts(lexeme: string): string[] {
  const coded = codedValueOf(lexeme).slice(0, MAX_WORD_BYTES);
  return PLAIN.test(lexeme) ? [lexeme.slice(0, MAX_WORD_BYTES), coded] : [coded];
}

const valueOf = (lexeme: string): string => (PLAIN.test(lexeme) ? lexeme : codedValueOf(lexeme));

const codedValueOf = (lexeme: string): string => `${CODED}${Buffer.from(lexeme, 'utf16le').swap16().toString('hex')}`;

/**
 * Returns the filter values of a text, each once: one for each lexeme, and the first `MAX_WORD_BYTES` of a value that is too
 * long, so that prefixes find it.
 */
export function engineWordsOf(text: string, analysis: SearchAnalysis): string[] {
  const words = new Set<string>();
  analysis.visitLexemes(text, (lexeme) => {
    const value = valueOf(lexeme);
    words.add(engineWord(lexeme));
    if (value.length > MAX_WORD_BYTES) words.add(value.slice(0, MAX_WORD_BYTES));
  });
  return [...words];
}
