import type { SearchTerm } from '../search-term.ts';
import { visitTokens } from '../tokenizer.ts';

/** PostgreSQL keeps this many positions of a lexeme and drops the others. */
const POSITIONS_KEPT = 255;
/** Marks texts with dropped positions. They match a phrase if they contain all of its pairs, at any position. */
const REPETITIVE = '\ue001';
const BEYOND_ASCII = /[^\0-\x7f]/;

/**
 * A text in the text form of `tsvector`, with what the `simple` dictionary makes of words (lower case, no stemming). It is
 * written here and not by `to_tsvector`, whose parser differs by locale and knows nothing of unspaced scripts. Lexemes
 * are letters, marks, digits and private-use characters, so they need no quotes.
 */
export function tsvectorOf(text: string): string {
  const lexemes: string[] = [];
  // Phrases are of scripts beyond ASCII, and there is a position for each character: few texts need to be counted.
  const counts = text.length > POSITIONS_KEPT && BEYOND_ASCII.test(text) ? new Map<string, number>() : undefined;
  visitTokens(text, (lexeme, position) => {
    lexemes.push(`${lexeme}:${position}`);
    counts?.set(lexeme, (counts.get(lexeme) ?? 0) + 1);
  });
  if (counts !== undefined && [...counts.values()].some((count) => count > POSITIONS_KEPT)) {
    lexemes.push(`${REPETITIVE}:1`);
  }
  return lexemes.join(' ');
}

/** The terms of a search in the text form of `tsquery`. */
export function tsqueryOf(terms: readonly SearchTerm[]): string {
  return terms.map(operandOf).join(' & ');
}

function operandOf(term: SearchTerm): string {
  if (term.kind === 'word') return `'${term.lexeme}'`;
  if (term.kind === 'character') return `'${term.character}':*`;
  const lexemes = term.lexemes.map((lexeme) => `'${lexeme}'`);
  if (lexemes.length === 1) return lexemes.join('');
  return `((${lexemes.join(' <-> ')}) | (${lexemes.join(' & ')} & '${REPETITIVE}'))`;
}
