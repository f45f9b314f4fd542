import { type SearchExpression, type SearchLexeme, wantedLexemes } from '../analysis/expression.ts';
import type { SearchQuery } from '../search-index.ts';
import { roomKey } from './documents.ts';
import { namesLanguage, phraseFieldOf, termsOf } from './lexemes.ts';

/** A query or a part of a query, in the query language of OpenSearch. */
export type Clause = Readonly<Record<string, unknown>>;

/**
 * Maximum number of rooms in a filter. For a search in more rooms, OpenSearch does not filter by room, and the adapter skips
 * the hits in other rooms, so that requests stay small.
 */
const MAX_FILTERED_ROOMS = 10_000;
/** Maximum number of lexemes that decide on the rank of a hit. OpenSearch limits the clauses of a query. */
const MAX_RANKED_LEXEMES = 200;
/** The weights of the terms that `termsOf()` returns. They equal `RANKS` in `match-text.ts`. */
const WEIGHTS = [1, 0.5, 0.25] as const;

/** Tells whether OpenSearch filters hits by room. */
export function filtersRooms({ rooms }: SearchQuery): boolean {
  return rooms.length <= MAX_FILTERED_ROOMS;
}

/** Makes the filters for the rooms, the fields and the words of a search. Filters only select documents. */
export function filtersOf(query: SearchQuery, expression: SearchExpression): Clause[] {
  const filters = [{ terms: { key: query.keys } }, filterOf(expression)];
  return filtersRooms(query) ? [{ terms: { room: query.rooms.map(roomKey) } }, ...filters] : filters;
}

/**
 * Translates an expression into a filter. The filter passes all texts that match and, unless the expression is precise, also
 * some other texts. OpenSearch receives no text of the user as a query string: every value is a term, or a sequence of terms.
 */
function filterOf(expression: SearchExpression): Clause {
  switch (expression.kind) {
    case 'lexeme':
      return anyLexeme([expression]);
    case 'phrase': {
      const { parts } = expression;
      if (parts.length > 1 && isPrecise(expression)) return { match_phrase: { lexemes: phraseFieldOf(parts) } };
      return { bool: { filter: parts.map(({ any }) => anyLexeme(any)) } };
    }
    case 'all':
      return { bool: { filter: expression.of.map(filterOf) } };
    case 'any': {
      const lexemes = expression.of.filter((one) => one.kind === 'lexeme');
      const others = expression.of.filter((one) => one.kind !== 'lexeme').map(filterOf);
      return oneOf(lexemes.length === 0 ? others : [anyLexeme(lexemes), ...others]);
    }
    case 'not':
      // The filter of the negated part may be imprecise. Such a filter also passes texts that do not match the part, so its
      // negation would exclude texts that must be found. In this case, the `not` excludes nothing here.
      return isPrecise(expression.of) ? { bool: { must_not: [filterOf(expression.of)] } } : { match_all: {} };
  }
}

function anyLexeme(lexemes: readonly SearchLexeme[]): Clause {
  const terms = lexemes.filter(({ isPrefix }) => !isPrefix).flatMap(termsOf);
  const prefixes = lexemes.filter(({ isPrefix }) => isPrefix).map(prefixOf);
  return oneOf(terms.length === 0 ? prefixes : [{ terms: { lexemes: terms } }, ...prefixes]);
}

/**
 * Makes a filter that finds all lexemes that start with the given lexeme. Each term in the index starts with its lexeme, so the
 * filter finds words, other spellings and stems.
 */
const prefixOf = ({ lexeme }: SearchLexeme): Clause => ({ prefix: { lexemes: { value: lexeme } } });

function oneOf(clauses: readonly Clause[]): Clause {
  const [first] = clauses;
  return clauses.length === 1 && first !== undefined ? first : { bool: { should: clauses, minimum_should_match: 1 } };
}

/**
 * Tells whether `filterOf()` passes only texts that match. A phrase with a prefix is not precise: OpenSearch limits how many
 * words a prefix in a phrase may stand for, so the filter for such a phrase ignores the order of its parts.
 */
export function isPrecise(expression: SearchExpression): boolean {
  switch (expression.kind) {
    case 'lexeme':
      return !(expression.isPrefix && expression.isExact);
    case 'phrase':
      return expression.parts.length === 1
        ? expression.parts.every(({ any }) => any.every(isPrecise))
        : expression.parts.every(({ any }) => any.every(({ isPrefix }) => !isPrefix));
    case 'not':
      return isPrecise(expression.of);
    default:
      return expression.of.every(isPrecise);
  }
}

/**
 * Makes the clauses that score hits. The score of a text is the sum of the weights of the wanted terms that it contains. The
 * frequency of a term does not count, so all shards give equal texts equal scores.
 */
export function scorersOf(expression: SearchExpression): Clause[] {
  const lexemes = wantedLexemes(expression).filter(({ lexeme }) => !namesLanguage(lexeme));
  return lexemes.slice(0, MAX_RANKED_LEXEMES).flatMap((lexeme): Clause[] => {
    if (lexeme.isPrefix) return [{ constant_score: { filter: prefixOf(lexeme) } }];
    return termsOf(lexeme).map((value, index) => ({ term: { lexemes: { value, boost: WEIGHTS[index] } } }));
  });
}
