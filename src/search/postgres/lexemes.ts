import type { SearchTerm } from '../search-term.ts';
import { visitTokens } from '../tokenizer.ts';

/** PostgreSQL stores this many positions of a lexeme and drops the others. */
const POSITIONS_KEPT = 255;
/** Marks texts with dropped positions. Such a text matches a phrase if it contains all pairs of the phrase, at any position. */
const REPETITIVE = '\ue001';
const BEYOND_ASCII = /[^\0-\x7f]/;

/**
 * A text in the text form of `tsvector`. Words are lower-case and not stemmed, as in PostgreSQL's `simple` dictionary. The
 * plugin does not use `to_tsvector`, because its parser depends on the locale and does not support unspaced scripts. Lexemes
 * consist of letters, marks, digits and private-use characters, so they need no quotes.
 */
export function tsvectorOf(text: string): string {
  const lexemes: string[] = [];
  // Only phrases of unspaced scripts need positions, and such scripts are not in ASCII. Each character has one position, so
  // short texts cannot exceed the limit.
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
