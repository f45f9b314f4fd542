import type { SearchExpression } from './expression.ts';
import { LANGUAGE_CODES, type LanguageCode } from './languages.ts';
import { type VisitLexeme, visitLexemes } from './lexemes.ts';
import { createLexicon } from './lexicon.ts';
import { highlightsIn, matchesText, rankText } from './match-text.ts';
import { parseQuery } from './parse-query.ts';

/** Raise it whenever texts are cut or folded differently: an index that another version wrote needs a reindex. */
const VERSION = 2;

/** How texts and queries become lexemes: the same for every engine, so that all find the same events. */
export interface SearchAnalysis {
  /** Changes with everything that makes other lexemes of a text. */
  readonly id: string;
  /** Calls `visit` for each lexeme of a text. */
  readonly visitLexemes: (text: string, visit: VisitLexeme) => void;
  /** What a query asks for; `undefined`: nothing. */
  readonly parse: (query: string) => SearchExpression | undefined;
  /** Whether a text matches, decided on the text itself. */
  readonly matches: (text: string, expression: SearchExpression) => boolean;
  /** How well a text matches that does: above 0, below 1. */
  readonly rank: (text: string, expression: SearchExpression) => number;
  /** The words of a text that match, spelled as they stand in it. */
  readonly highlights: (text: string, expression: SearchExpression) => readonly string[];
}

/** @param languages whose words are found in every form. @defaultValue all that are known */
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
