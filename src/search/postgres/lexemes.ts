import type { SearchTerm } from '../search-term.ts';
import { visitTokens } from '../tokenizer.ts';

/**
 * A text in the text form of `tsvector`, with what the `simple` dictionary makes of words (lower case, no stemming). It is
 * written here and not by `to_tsvector`, whose parser differs by locale and knows nothing of unspaced scripts. Lexemes
 * are letters, marks, digits and one private-use character, so they need no quotes.
 */
export function tsvectorOf(text: string): string {
  let vector = '';
  visitTokens(text, (lexeme, position) => {
    vector += `${lexeme}:${position} `;
  });
  return vector;
}

/** The terms of a search in the text form of `tsquery`. */
export function tsqueryOf(terms: readonly SearchTerm[]): string {
  return terms.map(operandOf).join(' & ');
}

function operandOf(term: SearchTerm): string {
  if (term.kind === 'word') return `'${term.lexeme}'`;
  if (term.kind === 'character') return `'${term.character}':*`;
  return `(${term.lexemes.map((lexeme) => `'${lexeme}'`).join(' <-> ')})`;
}
