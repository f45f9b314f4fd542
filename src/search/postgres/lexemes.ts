import type { SearchAnalysis } from '../analysis/analysis.ts';
import { type SearchExpression, type SearchLexeme, type SearchPhrase, wantedLexemes } from '../analysis/expression.ts';
import type { LexemeForm } from '../analysis/lexemes.ts';

/** Maximum number of positions that PostgreSQL stores for a lexeme in a `tsvector`. PostgreSQL drops further positions. */
const POSITIONS_KEPT = 255;
/**
 * A lexeme that marks texts for which PostgreSQL drops positions. Such a text matches a phrase if it contains all lexemes of
 * the phrase in any order.
 */
const REPETITIVE = '\ue001';

/** The weight of a lexeme in a `tsvector`, by its form. Weight D is PostgreSQL's default and needs no letter. */
const WEIGHTS: Readonly<Record<LexemeForm, string>> = { spelled: '', other: 'C', stem: 'B', language: 'A' };
/** The values of the weights D, C, B and A for `ts_rank`. They equal `RANKS` in `match-text.ts`. */
export const RANK_WEIGHTS = '{1, 0.5, 0.25, 0}';
/** The weights that match a lexeme with `isExact`: D is the weight of `spelled`, and C of `other`. */
const EXACT = 'CD';

/**
 * Writes the lexemes of a text in the text form of `tsvector`. The adapter does not use PostgreSQL's own `to_tsvector()`,
 * because its parser depends on the locale, and cannot find the words in scripts that are written without spaces. Lexemes need
 * no quotes, because they consist of letters, marks, digits, emoji and private-use characters.
 */
export function tsvectorOf(text: string, analysis: SearchAnalysis): string {
  const lexemes: string[] = [];
  // A short text cannot have too many positions, so its positions are not counted.
  const counts = text.length > POSITIONS_KEPT ? new Map<string, number>() : undefined;
  analysis.visitLexemes(text, (lexeme, position, form) => {
    lexemes.push(form === 'spelled' ? `${lexeme}:${position}` : `${lexeme}:${position}${WEIGHTS[form]}`);
    if (counts !== undefined) counts.set(lexeme, (counts.get(lexeme) ?? 0) + 1);
  });
  if (counts !== undefined && [...counts.values()].some((count) => count > POSITIONS_KEPT)) {
    lexemes.push(`${REPETITIVE}:1A`);
  }
  return lexemes.join(' ');
}

/** Writes an expression in the text form of `tsquery`. */
export function tsqueryOf(expression: SearchExpression): string {
  switch (expression.kind) {
    case 'lexeme':
      return lexemeOf(expression);
    case 'phrase':
      return phraseOf(expression);
    case 'all':
      return `(${expression.of.map(tsqueryOf).join(' & ')})`;
    case 'any':
      return `(${expression.of.map(tsqueryOf).join(' | ')})`;
    case 'not':
      return `!(${tsqueryOf(expression.of)})`;
  }
}

function lexemeOf({ lexeme, isPrefix, isExact }: SearchLexeme): string {
  const options = `${isPrefix ? '*' : ''}${isExact ? EXACT : ''}`;
  return options === '' ? `'${lexeme}'` : `'${lexeme}':${options}`;
}

const oneOf = (lexemes: readonly SearchLexeme[]): string => {
  const operands = lexemes.map(lexemeOf);
  return operands.length === 1 ? operands.join('') : `(${operands.join(' | ')})`;
};

function phraseOf(phrase: SearchPhrase): string {
  const { parts } = phrase;
  if (parts.length === 1) return oneOf(wantedLexemes(phrase));
  const inOrder = parts.map(({ offset, any }, index) =>
    index === 0 ? oneOf(any) : `<${offset - (parts[index - 1]?.offset ?? 0)}> ${oneOf(any)}`,
  );
  return `((${inOrder.join(' ')}) | (${parts.map(({ any }) => oneOf(any)).join(' & ')} & '${REPETITIVE}'))`;
}
