/** What a text must contain to match, as every engine can be asked for. */
export type SearchExpression =
  | SearchLexeme
  | SearchPhrase
  | { readonly kind: 'all' | 'any'; readonly of: readonly SearchExpression[] }
  | { readonly kind: 'not'; readonly of: SearchExpression };

export interface SearchLexeme {
  readonly kind: 'lexeme';
  readonly lexeme: string;
  /** Whether longer lexemes that start with it match too. */
  readonly isPrefix: boolean;
  /** Whether the lexeme must stand for a word of the text, with or without its marks, and not for the stem of one. */
  readonly isExact: boolean;
}

/** Lexemes at their distance from each other. */
export interface SearchPhrase {
  readonly kind: 'phrase';
  /** In the order of their offsets, the first of which is 0. At each one of the lexemes must stand. */
  readonly parts: readonly { readonly offset: number; readonly any: readonly SearchLexeme[] }[];
  /** The characters of scripts without spaces that the phrase is of: what to highlight. */
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

/** All of these, or the one. */
export function allOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('all', expressions);
}

/** Any of these, or the one. */
export function anyOf(expressions: readonly SearchExpression[]): SearchExpression {
  return join('any', expressions);
}

function join(kind: 'all' | 'any', of: readonly SearchExpression[]): SearchExpression {
  const [one] = of;
  return of.length === 1 && one !== undefined ? one : { kind, of };
}

/** The lexemes of an expression that a text is found by: not those of `not`. */
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
