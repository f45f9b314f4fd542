import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchLexeme } from '../analysis/expression.ts';
import { ANY_LANGUAGE, type LexemeForm } from '../analysis/lexemes.ts';
import { MAX_POSITION } from '../analysis/tokens.ts';

/**
 * OpenSearch stores each lexeme as a term: the lexeme, followed by the ending for its form. With one term for each form, a
 * search for a quoted word does not find stems, and the forms can have different weights. Lexemes contain neither spaces nor
 * `/`, `|` and `_`.
 */
const ENDINGS: Readonly<Record<LexemeForm, string>> = { spelled: '', other: '/o', stem: '/s', language: '/l' };
const EXACT = [ENDINGS.spelled, ENDINGS.other];
const ANY = [...EXACT, ENDINGS.stem];
const LANGUAGE = [ENDINGS.language];
/** Stands for a position without lexemes. */
const GAP = '_';

/** Writes the lexemes of a text in the form that the analyser of the index template reads. */
export function lexemesFieldOf(text: string, analysis: SearchAnalysis): string {
  const positions: string[] = [];
  analysis.visitLexemes(text, (lexeme, position, form) => {
    const term = `${lexeme}${ENDINGS[form]}`;
    const others = positions[position];
    // In a long text, the last position may have thousands of lexemes. Each of them gets a position of its own, because a token
    // of OpenSearch has a maximum length.
    positions[position] = others === undefined ? term : `${others}${position < MAX_POSITION ? '|' : ' '}${term}`;
  });
  return Array.from(positions.slice(1), (lexemes) => lexemes ?? GAP).join(' ');
}

/** Tells whether a lexeme names the language of a text, or marks a text of unknown language. */
export const namesLanguage = (lexeme: string): boolean => lexeme.startsWith(ANY_LANGUAGE);

/** Returns the terms under which OpenSearch may have stored a lexeme. The first term has the greatest weight. */
export function termsOf({ lexeme, isExact }: SearchLexeme): string[] {
  const endings = namesLanguage(lexeme) ? LANGUAGE : isExact ? EXACT : ANY;
  return endings.map((ending) => `${lexeme}${ending}`);
}

/**
 * Writes a phrase in the form that the analyser of the index template reads. Each part is a list of alternatives at one
 * position.
 */
export function phraseFieldOf(
  parts: readonly { readonly offset: number; readonly any: readonly SearchLexeme[] }[],
): string {
  const positions: string[] = [];
  for (const { offset, any } of parts) positions[offset] = any.flatMap(termsOf).join('|');
  return Array.from(positions, (terms) => terms ?? GAP).join(' ');
}
