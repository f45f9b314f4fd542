import { fold, foldMarks } from './fold.ts';
import type { LanguageCode, Script } from './languages.ts';
import { type Lexicon, UNKNOWN, type Word } from './lexicon.ts';
import { MAX_POSITION, type Token, tokensOf, visitRun } from './tokens.ts';

/**
 * Where a lexeme comes from. `spelled`: a word as the text spells it, an emoji, or characters of a script without spaces.
 * `other`: another spelling of a word, for example without accents. `stem`: the stem of a word. `language`: a lexeme that names
 * the language of the text, and whose position has no meaning.
 */
export type LexemeForm = 'spelled' | 'other' | 'stem' | 'language';

export type VisitLexeme = (lexeme: string, position: number, form: LexemeForm) => void;

/**
 * The first character of lexemes that name the language of a text. A lexeme that consists of this character alone,
 * `ANY_LANGUAGE`, marks a text of unknown language.
 */
const LANGUAGE = '\ue010';
export const ANY_LANGUAGE: string = LANGUAGE;
export const languageLexeme = (code: LanguageCode): string => `${LANGUAGE}${code}`;

/**
 * If the language with the most evidence has less evidence than this, the language of the text counts as unknown. The evidence
 * for a language is the sum of the weights of the text's words for the language.
 */
const MIN_EVIDENCE = 2;
/**
 * A text counts as being in several languages if each has at least this fraction of the evidence that the best language has.
 */
const RUNNER_UP = 0.5;
/** The scripts that several languages in `LANGUAGES` share. For texts in these scripts, evidence decides on the language. */
const SHARED_SCRIPTS = ['latin', 'cyrillic'] as const;

/** Calls `visit` for each lexeme of a text, in no particular order. */
export function visitLexemes(text: string, lexicon: Lexicon, visit: VisitLexeme): void {
  const words: Word[] = [];
  const positions: number[] = [];
  const addWord = (spelled: string, position: number): void => {
    words.push(lexicon.wordOf(spelled));
    positions.push(position);
  };
  const tokens = tokensOf(fold(text));
  let hasJoints = false;
  for (const token of tokens) {
    if (token.joint !== undefined) hasJoints = true;
    if (token.kind === 'word') addWord(token.text, token.position);
    else if (token.kind === 'run') visitRun(token, (pair, position) => visit(pair, position, 'spelled'), addWord);
    else visit(token.text, token.position, 'spelled');
  }
  if (hasJoints) visitJoined(tokens, visit);
  const languages = languagesOf(words, lexicon, visit);
  const hasTwoLetters = (languages & lexicon.twoLetterLanguages) !== 0;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    const position = positions[index];
    if (word === undefined || position === undefined) continue;
    visit(word.text, position, 'spelled');
    const forms = word.otherForms;
    const count = hasTwoLetters ? forms.length : Math.min(forms.length, 1);
    for (let form = 0; form < count; form += 1) visit(forms[form] ?? '', position, 'other');
    const stems = word.stemsIn(languages);
    if (stems.length > 0) for (const stem of stems) visit(stem, position, 'stem');
  }
}

/**
 * Decides which languages a text may be in. Returns these languages as bits, as `Lexicon.languagesOf()` does. If the words of a
 * shared script give too little evidence, returns all languages of this script and the bit `UNKNOWN`. Visits a lexeme for each
 * likely language of a shared script, and `ANY_LANGUAGE` if `UNKNOWN` is set.
 */
function languagesOf(words: readonly Word[], lexicon: Lexicon, visit: VisitLexeme): number {
  let possible = 0;
  let scores: number[] | undefined;
  for (const word of words) {
    possible |= word.languages;
    if (word.evidence.length === 0) continue;
    scores ??= lexicon.codes.map(() => 0);
    for (const { language, weight } of word.evidence) scores[language] = (scores[language] ?? 0) + weight;
  }
  let languages = possible;
  for (const script of SHARED_SCRIPTS) {
    const some = possible & lexicon.languagesOf(script);
    if (some === 0) continue;
    const likely = scores === undefined ? 0 : likelyOf(scores, some);
    if (likely === 0) languages |= UNKNOWN;
    else {
      languages &= ~some | likely;
      markLanguages(likely, lexicon, visit);
    }
  }
  if (languages & UNKNOWN) visit(ANY_LANGUAGE, 1, 'language');
  return languages;
}

function markLanguages(languages: number, { codes }: Lexicon, visit: VisitLexeme): void {
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code !== undefined && languages & (1 << index)) visit(languageLexeme(code), 1, 'language');
  }
}

/**
 * Returns, as bits, the language with the most evidence, and the languages with at least the fraction `RUNNER_UP` of this
 * evidence. Returns 0 if the best language has less evidence than `MIN_EVIDENCE`.
 */
function likelyOf(scores: readonly number[], possible: number): number {
  let best = 0;
  for (let index = 0; index < scores.length; index += 1) {
    if (possible & (1 << index)) best = Math.max(best, scores[index] ?? 0);
  }
  if (best < MIN_EVIDENCE) return 0;
  let likely = 0;
  for (let index = 0; index < scores.length; index += 1) {
    if ((scores[index] ?? 0) >= best * RUNNER_UP) likely |= 1 << index;
  }
  return likely & possible;
}

/** Tells whether several languages in `LANGUAGES` use the script. */
export function isShared(script: Script | undefined): boolean {
  return script === 'latin' || script === 'cyrillic';
}

/**
 * Visits one more lexeme for each chain of words that apostrophes or hyphens join, such as `dont` for `don't` and `email` for
 * `e-mail`.
 */
function visitJoined(tokens: readonly Token[], visit: VisitLexeme): void {
  for (let index = 1; index < tokens.length; index += 1) {
    if (tokens[index]?.joint === undefined) continue;
    const start = index - 1;
    while (tokens[index + 1]?.joint !== undefined) index += 1;
    const joined = joinedOf(tokens.slice(start, index + 1));
    if (joined !== undefined) visit(joined, Math.min(tokens[start]?.position ?? 1, MAX_POSITION), 'other');
  }
}

/** Maximum number of words that are joined into one lexeme. A search finds a longer chain of words only by its single words. */
const MAX_JOINED = 4;
const LETTERS = /^[\p{L}\p{M}]{1,20}$/u;

/**
 * Joins tokens into one word without marks such as accents. Returns `undefined` for a single token, for more than `MAX_JOINED`
 * tokens, and if a token is not a word of 1 to 20 letters.
 */
export function joinedOf(tokens: readonly Token[]): string | undefined {
  if (tokens.length < 2 || tokens.length > MAX_JOINED) return undefined;
  if (!tokens.every(({ kind, text }) => kind === 'word' && LETTERS.test(text))) return undefined;
  return foldMarks(tokens.map(({ text }) => text).join(''));
}
