import { type SearchExpression, type SearchLexeme, type SearchPhrase, wantedLexemes } from './expression.ts';
import { type LexemeForm, visitLexemes } from './lexemes.ts';
import type { Lexicon } from './lexicon.ts';

/** The lexemes of one text, such as its words and their stems, with their positions. */
export interface TextIndex {
  /**
   * Returns the positions of a lexeme in the text. With `isPrefix`, also returns those of longer lexemes that start with it.
   * With `isExact`, does not return those of stems. Returns an empty set if there are none.
   */
  readonly positionsOf: (lexeme: SearchLexeme) => ReadonlySet<number>;
}

/** The position of lexemes that name the language of a text. Words start at position 1, so no word has this position. */
const NO_WORD = 0;
const NOWHERE: ReadonlySet<number> = Object.freeze(new Set<number>());
const EXACT: ReadonlySet<LexemeForm> = new Set(['spelled', 'other']);

/** Finds the lexemes of one text. */
export function indexOf(text: string, lexicon: Lexicon): TextIndex {
  const all = new Map<string, Set<number>>();
  const exact = new Map<string, Set<number>>();
  const add = (positions: Map<string, Set<number>>, lexeme: string, position: number): void => {
    const known = positions.get(lexeme);
    if (known === undefined) positions.set(lexeme, new Set([position]));
    else known.add(position);
  };
  visitLexemes(text, lexicon, (lexeme, at, form) => {
    const position = form === 'language' ? NO_WORD : at;
    add(all, lexeme, position);
    if (EXACT.has(form)) add(exact, lexeme, position);
  });
  return {
    positionsOf: ({ lexeme, isPrefix, isExact }) => {
      const positions = isExact ? exact : all;
      if (!isPrefix) return positions.get(lexeme) ?? NOWHERE;
      return new Set([...positions].flatMap(([one, at]) => (one.startsWith(lexeme) ? [...at] : [])));
    },
  };
}

/** Tells whether a text matches an expression. Reads no search index. */
export function matchesText(text: string, expression: SearchExpression, lexicon: Lexicon): boolean {
  return isIn(indexOf(text, lexicon), expression);
}

/** Tells whether the text of a `TextIndex` matches an expression. */
export function isIn(index: TextIndex, expression: SearchExpression): boolean {
  switch (expression.kind) {
    case 'lexeme':
      return index.positionsOf(expression).size > 0;
    case 'phrase':
      return startsOf(index, expression).length > 0;
    case 'all':
      return expression.of.every((one) => isIn(index, one));
    case 'any':
      return expression.of.some((one) => isIn(index, one));
    case 'not':
      return !isIn(index, expression.of);
  }
}

/** The weight of a lexeme in a score, by its form in the text. */
const RANKS: Readonly<Record<LexemeForm, number>> = { spelled: 1, other: 0.5, stem: 0.25, language: 0 };

/**
 * Scores a text that matches an expression. The score is above 0 and below 1. Each lexeme that the expression asks for
 * contributes the highest weight that it has in the text, and up to twice that weight if it occurs several times. The score
 * grows with the average of these contributions.
 */
export function rankText(text: string, expression: SearchExpression, lexicon: Lexicon): number {
  const wanted = wantedLexemes(expression);
  const sums = new Map<string, { readonly best: number; readonly count: number }>();
  visitLexemes(text, lexicon, (lexeme, _, form) => {
    const { best, count } = sums.get(lexeme) ?? { best: 0, count: 0 };
    sums.set(lexeme, { best: Math.max(best, RANKS[form]), count: count + 1 });
  });
  const scoreOf = ({ lexeme, isPrefix }: SearchLexeme): number => {
    const found = isPrefix ? [...sums].find(([one]) => one.startsWith(lexeme))?.[1] : sums.get(lexeme);
    return found === undefined ? 0 : found.best * (2 - 1 / found.count);
  };
  const score = wanted.reduce((sum, lexeme) => sum + scoreOf(lexeme), 0) / Math.max(wanted.length, 1);
  return (score + 0.001) / (score + 1);
}

/** Returns the positions at which a phrase starts in the text. */
export function startsOf(index: TextIndex, { parts }: SearchPhrase): number[] {
  const positions = parts.map(({ offset, any }) => ({ offset, at: any.map(index.positionsOf) }));
  const starts = new Set((positions[0]?.at ?? []).flatMap((at) => [...at]));
  return [...starts].filter((start) => positions.every(({ offset, at }) => at.some((one) => one.has(start + offset))));
}
