import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchLexeme } from '../analysis/expression.ts';
import { ANY_LANGUAGE, type LexemeForm } from '../analysis/lexemes.ts';
import { MAX_POSITION } from '../analysis/tokens.ts';

/**
 * The end of the term under which OpenSearch stores a lexeme, by the form of the lexeme. So a quoted word does not find stems,
 * and the forms can have different weights. Lexemes contain neither spaces nor `/`, `|` and `_`.
 */
const ENDINGS: Readonly<Record<LexemeForm, string>> = { spelled: '', other: '/o', stem: '/s', language: '/l' };
const EXACT = [ENDINGS.spelled, ENDINGS.other];
const ANY = [...EXACT, ENDINGS.stem];
const LANGUAGE = [ENDINGS.language];
/** A position without lexemes. */
const GAP = '_';

/** Writes the lexemes of a text in the form that the analyser of the index template reads. */
export function lexemesFieldOf(text: string, analysis: SearchAnalysis): string {
  const positions: string[] = [];
  analysis.visitLexemes(text, (lexeme, position, form) => {
    const term = `${lexeme}${ENDINGS[form]}`;
    const others = positions[position];
    // The last position may have thousands of lexemes. They get positions of their own, because a term of OpenSearch has a
    // maximum length.
    positions[position] = others === undefined ? term : `${others}${position < MAX_POSITION ? '|' : ' '}${term}`;
  });
  return Array.from(positions.slice(1), (lexemes) => lexemes ?? GAP).join(' ');
}

/** Tells whether a lexeme names the language of a text. */
export const namesLanguage = (lexeme: string): boolean => lexeme.startsWith(ANY_LANGUAGE);

/** Returns the terms of a lexeme in OpenSearch. The first term has the greatest weight. */
export function termsOf({ lexeme, isExact }: SearchLexeme): string[] {
  const endings = namesLanguage(lexeme) ? LANGUAGE : isExact ? EXACT : ANY;
  return endings.map((ending) => `${lexeme}${ending}`);
}

/** Writes alternatives at ascending positions in the form that the analyser of the index template reads. */
export function phraseFieldOf(
  parts: readonly { readonly offset: number; readonly any: readonly SearchLexeme[] }[],
): string {
  const positions: string[] = [];
  for (const { offset, any } of parts) positions[offset] = any.flatMap(termsOf).join('|');
  return Array.from(positions, (terms) => terms ?? GAP).join(' ');
}
