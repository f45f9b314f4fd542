import type { SearchExpression } from './expression.ts';
import { highlightsIn } from './highlights.ts';
import { LANGUAGE_CODES, type LanguageCode } from './languages.ts';
import { type VisitLexeme, visitLexemes } from './lexemes.ts';
import { createLexicon } from './lexicon.ts';
import { matchesText, rankText } from './match-text.ts';
import { parseQuery } from './parse-query.ts';

/**
 * Version of the analysis, a part of `SearchAnalysis.id`. Raise `VERSION` with every change of the code that changes the
 * lexemes of any text. An index that was written with another id needs a reindex.
 */
const VERSION = 3;

/**
 * Turns texts and queries into lexemes, the units of the search index: words, other spellings and stems of words, emoji, pairs
 * of characters, and names of languages. All search engines use this one analysis, so that all of them find the same events.
 */
export interface SearchAnalysis {
  /** `VERSION` and the language codes. Two analyses with the same id make the same lexemes of every text. */
  readonly id: string;
  /** Calls `visit` for each lexeme of a text, in no particular order. */
  readonly visitLexemes: (text: string, visit: VisitLexeme) => void;
  /**
   * Parses a query that a user has written. Returns `undefined` if the query asks for nothing, for example because it only
   * excludes words.
   */
  readonly parse: (query: string) => SearchExpression | undefined;
  /** Tells whether a text matches an expression. Finds the lexemes of the text anew, and reads no search index. */
  readonly matches: (text: string, expression: SearchExpression) => boolean;
  /** Scores a text that matches the expression. A score is above 0 and below 1. A better match has a higher score. */
  readonly rank: (text: string, expression: SearchExpression) => number;
  /** Returns the words of a text that match an expression, spelled as in the text. */
  readonly highlights: (text: string, expression: SearchExpression) => readonly string[];
}

/**
 * Creates the analysis. The lexemes of a text include the stems of its words in the given languages, so that a search for `cat`
 * also finds `cats`.
 * @param languages the languages to stem. @defaultValue `LANGUAGE_CODES`, which lists all supported languages
 */
export function createAnalysis(languages: readonly LanguageCode[] = LANGUAGE_CODES): SearchAnalysis {
  const codes = LANGUAGE_CODES.filter((code) => languages.includes(code));
  const lexicon = createLexicon(codes);
  return {
    id: `${VERSION}:${codes.join(',')}`,
    visitLexemes: (text, visit) => visitLexemes(text, lexicon, visit),
    parse: (query) => parseQuery(query, lexicon),
    matches: (text, expression) => matchesText(text, expression, lexicon),
    rank: (text, expression) => rankText(text, expression, lexicon),
    highlights: (text, expression) => highlightsIn(text, expression, lexicon),
  };
}
