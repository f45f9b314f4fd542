import { type SearchExpression, type SearchLexeme, wantedLexemes } from '../analysis/expression.ts';
import { ANY_LANGUAGE } from '../analysis/lexemes.ts';
import { tsqueryOf } from './lexemes.ts';

/**
 * Maximum number of lexemes whose frequency a search estimates. `entriesOf()` treats a lexeme without an estimate as infinitely
 * frequent.
 */
const MAX_COUNTED = 16;

const plain = ({ lexeme, isPrefix }: SearchLexeme): SearchLexeme => ({
  kind: 'lexeme',
  lexeme,
  isPrefix,
  isExact: false,
});
const namesLanguage = ({ lexeme }: SearchLexeme): boolean => lexeme.startsWith(ANY_LANGUAGE);

/**
 * Makes an expression that PostgreSQL can answer from the database index of lexemes alone, without reading documents. It
 * matches all texts that `expression` matches, and may match more: it has no exclusions, ignores the order of words in phrases,
 * and ignores `isExact`. Returns `undefined` for an exclusion.
 */
export function candidatesOf(expression: SearchExpression): SearchExpression | undefined {
  switch (expression.kind) {
    case 'lexeme':
      return plain(expression);
    case 'phrase':
      return { kind: 'all', of: expression.parts.map(({ any }) => ({ kind: 'any', of: any.map(plain) })) };
    case 'not':
      return undefined;
    default:
      return {
        kind: expression.kind,
        of: expression.of.map(candidatesOf).filter((one) => one !== undefined),
      };
  }
}

/**
 * Returns the lexemes whose frequency decides how long a look-up in the index of lexemes takes, each in the text form of
 * `tsquery`, at most `MAX_COUNTED`. Leaves out lexemes that name a language. `candidates` is a result of `candidatesOf()`.
 */
export function countedLexemes(candidates: SearchExpression): string[] {
  const lexemes = wantedLexemes(candidates).filter((lexeme) => !namesLanguage(lexeme));
  return [...new Set(lexemes.map(tsqueryOf))].slice(0, MAX_COUNTED);
}

/**
 * Estimates how many entries PostgreSQL reads from the index of lexemes. If all of several parts must occur, it reads the
 * entries of the rarest part. If one of several parts must occur, it reads the entries of all of them. It reads all entries of
 * prefixes in any case. Returns infinity if no estimate is possible.
 * @param counts the number of documents with each lexeme that `countedLexemes()` returns
 */
export function entriesOf(candidates: SearchExpression, counts: ReadonlyMap<string, number>): number {
  const prefixes = wantedLexemes(candidates).filter(({ isPrefix }) => isPrefix);
  return prefixes.reduce((sum, prefix) => sum + rarest(prefix, counts), rarest(candidates, counts));
}

function rarest(candidates: SearchExpression, counts: ReadonlyMap<string, number>): number {
  if (candidates.kind === 'lexeme') {
    return namesLanguage(candidates)
      ? Number.POSITIVE_INFINITY
      : (counts.get(tsqueryOf(candidates)) ?? Number.POSITIVE_INFINITY);
  }
  if (candidates.kind !== 'any' && candidates.kind !== 'all') return Number.POSITIVE_INFINITY;
  const parts = candidates.of
    .filter((one) => !(one.kind === 'any' && wantedLexemes(one).every(namesLanguage)))
    .map((one) => rarest(one, counts));
  return candidates.kind === 'any' ? parts.reduce((sum, part) => sum + part, 0) : Math.min(...parts);
}
