/**
 * A condition on texts: what a text must contain to match a query. Each search adapter, which is the code for one search
 * engine, translates the condition into the query language of its engine. A lexeme is a unit of the index, such as a word or
 * the stem of a word.
 */
export type SearchExpression =
  | SearchLexeme
  | SearchPhrase
  | { readonly kind: 'all' | 'any'; readonly of: readonly SearchExpression[] }
  | { readonly kind: 'not'; readonly of: SearchExpression };

export interface SearchLexeme {
  readonly kind: 'lexeme';
  readonly lexeme: string;
  /** Whether longer lexemes that start with `lexeme` match too. */
  readonly isPrefix: boolean;
  /**
   * If `true`, `lexeme` must be a word of the text, as the text spells it or in another spelling, for example without accents.
   * If `false`, `lexeme` may also be the stem of a word of the text.
   */
  readonly isExact: boolean;
}

/** Lexemes that must occur at fixed distances from each other. */
export interface SearchPhrase {
  readonly kind: 'phrase';
  /**
   * The parts of the phrase, in ascending order of `offset`. The first `offset` is 0. Each part needs one of the lexemes in
   * `any` at its offset from the start of the phrase.
   */
  readonly parts: readonly { readonly offset: number; readonly any: readonly SearchLexeme[] }[];
}

export const lexemeOf = (
  lexeme: string,
  options: Partial<Omit<SearchLexeme, 'kind' | 'lexeme'>> = {},
): SearchLexeme => ({
  kind: 'lexeme',
  lexeme,
  isPrefix: false,
  isExact: false,
  ...options,
});

/** Makes an expression that matches if all given expressions match. Returns a single expression unchanged. */
export function allOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('all', expressions);
}

/** Makes an expression that matches if one of the given expressions matches. Returns a single expression unchanged. */
export function anyOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('any', expressions);
}

function join(kind: 'all' | 'any', of: readonly SearchExpression[]): SearchExpression {
  const [one] = of;
  return of.length === 1 && one !== undefined ? one : { kind, of };
}

/** Returns the lexemes that a text should contain. Lexemes inside `not` are left out. */
export function wantedLexemes(expression: SearchExpression): readonly SearchLexeme[] {
  switch (expression.kind) {
    case 'lexeme':
      return [expression];
    case 'phrase':
      return expression.parts.flatMap(({ any }) => any);
    case 'not':
      return [];
    default:
      return expression.of.flatMap(wantedLexemes);
  }
}
