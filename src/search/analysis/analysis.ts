import type { SearchExpression } from './expression.ts';
import { LANGUAGE_CODES, type LanguageCode } from './languages.ts';
import { type VisitLexeme, visitLexemes } from './lexemes.ts';
import { createLexicon } from './lexicon.ts';
import { highlightsIn, matchesText, rankText } from './match-text.ts';
import { parseQuery } from './parse-query.ts';

/**
 * Version of the analysis. Raise `VERSION` whenever the code cuts or folds texts differently. An index that another version
 * wrote needs a reindex.
 */
const VERSION = 2;

/** Turns texts and queries into lexemes. All engines share one analysis, so that all engines find the same events. */
export interface SearchAnalysis {
  /** `VERSION` and the language codes. Two analyses with the same id make the same lexemes of every text. */
  readonly id: string;
  /** Calls `visit` for each lexeme of a text. */
  readonly visitLexemes: (text: string, visit: VisitLexeme) => void;
  /** Parses a query of a user. Returns `undefined` if the query asks for nothing. */
  readonly parse: (query: string) => SearchExpression | undefined;
  /** Whether a text matches an expression. Reads the text itself, not the index. */
  readonly matches: (text: string, expression: SearchExpression) => boolean;
  /** Scores a text that matches the expression. The score is above 0 and below 1; a better match has a higher score. */
  readonly rank: (text: string, expression: SearchExpression) => number;
  /** The words of a text that match an expression, spelled as in the text. */
  readonly highlights: (text: string, expression: SearchExpression) => readonly string[];
}

/**
 * Creates the analysis. A search finds all forms of a word of these languages, because their words have stems.
 *
 * @param languages the languages to stem. @defaultValue `LANGUAGE_CODES`, which lists all languages
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
