/** What a text must contain to match a query. Each engine translates an expression into its own query language. */
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
  /** Whether only the words of a text match, with or without their marks. If `false`, stems of words match too. */
  readonly isExact: boolean;
}

/** Lexemes that must stand at fixed distances from each other. */
export interface SearchPhrase {
  readonly kind: 'phrase';
  /** Parts in ascending order of `offset`. The first `offset` is 0. One of the lexemes in `any` must stand at each offset. */
  readonly parts: readonly { readonly offset: number; readonly any: readonly SearchLexeme[] }[];
  /** The runs of the phrase in scripts without spaces. `highlightsIn()` returns them if the text contains them. */
  readonly runs: readonly string[];
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

/** An expression that matches if all given expressions match. A single expression is returned as it is. */
export function allOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('all', expressions);
}

/** An expression that matches if one of the given expressions matches. A single expression is returned as it is. */
export function anyOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('any', expressions);
}

function join(kind: 'all' | 'any', of: readonly SearchExpression[]): SearchExpression {
  const [one] = of;
  return of.length === 1 && one !== undefined ? one : { kind, of };
}

/** The lexemes that a text should contain. Leaves out the lexemes inside `not`. */
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
