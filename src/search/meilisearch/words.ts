import { createHash } from 'node:crypto';
import { fold, isUnspaced, runsOf, tokenize } from '../tokenizer.ts';

/** Meilisearch ignores words of more than 250 bytes. */
const MAX_WORD_BYTES = 200;
const PLAIN = /^[a-z0-9]+$/;

/**
 * Writes a lexeme as a word that Meilisearch neither cuts nor folds. Lower-case ASCII stays as it is. Any other lexeme
 * becomes `z` and its UTF-16 code units in hexadecimal, because Meilisearch's segmenters lose part of Japanese and differ
 * between builds. Two lexemes may get the same word, so hits are checked against their text.
 */
export function engineWord(lexeme: string): string {
  const word = PLAIN.test(lexeme) ? lexeme : `z${hexOf(lexeme)}`;
  return word.length <= MAX_WORD_BYTES ? word : `y${createHash('sha256').update(word).digest('hex')}`;
}

function hexOf(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

/**
 * The distinct words of a text: one for each lexeme, and one for each character of an unspaced script. The latter make every
 * single character searchable.
 */
export function engineWordsOf(text: string): string[] {
  const words = new Set<string>();
  for (const { lexeme } of tokenize(text)) words.add(engineWord(lexeme));
  for (const run of runsOf(fold(text))) {
    if (PLAIN.test(run) || !isUnspaced(run)) continue;
    for (const character of run) if (isUnspaced(character)) words.add(engineWord(character));
  }
  return [...words];
}
