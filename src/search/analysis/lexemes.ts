import { fold, foldMarks } from './fold.ts';
import type { LanguageCode, Script } from './languages.ts';
import { type Lexicon, UNKNOWN, type Word } from './lexicon.ts';
import { MAX_POSITION, type Token, tokensOf, visitRun } from './tokens.ts';

/**
 * What a lexeme is to its text: the word as it is spelled, another form of it, its stem, or the language that the text is
 * in, which is at no word's place.
 */
export type LexemeForm = 'spelled' | 'other' | 'stem' | 'language';

export type VisitLexeme = (lexeme: string, position: number, form: LexemeForm) => void;

/** Marks a text in a language, and one that may be in any. */
const LANGUAGE = '\ue010';
export const ANY_LANGUAGE: string = LANGUAGE;
export const languageLexeme = (code: LanguageCode): string => `${LANGUAGE}${code}`;

/** Evidence below this is none. */
const MIN_EVIDENCE = 2;
/** A language with this part of the best one's evidence may be the text's too. */
const RUNNER_UP = 0.5;
/** Those whose languages are told apart come first. */
const SCRIPTS: readonly Script[] = ['latin', 'cyrillic', 'arabic', 'greek', 'devanagari'];

/** Calls `visit` for each lexeme of a text; in no particular order of those that share a position. */
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
  for (const [index, word] of words.entries()) {
    const position = positions[index] ?? 1;
    visit(word.text, position, 'spelled');
    for (const form of word.otherForms) visit(form, position, 'other');
    for (const stem of word.stemsIn(languages)) visit(stem, position, 'stem');
  }
}

/** Decides which languages a text is in, as bits, and marks it with them. */
function languagesOf(words: readonly Word[], lexicon: Lexicon, visit: VisitLexeme): number {
  let scripts = 0;
  let scores: number[] | undefined;
  for (const { script, evidence } of words) {
    if (script !== undefined) scripts |= 1 << SCRIPTS.indexOf(script);
    for (const [index, weight] of evidence) {
      scores ??= lexicon.codes.map(() => 0);
      scores[index] = (scores[index] ?? 0) + weight;
    }
  }
  let languages = 0;
  let isOpen = false;
  for (const [index, script] of SCRIPTS.entries()) {
    const possible = scripts & (1 << index) ? lexicon.languagesOf(script) : 0;
    if (possible === 0) continue;
    const likely = isShared(script) ? likelyOf(scores ?? [], possible) : possible;
    languages |= likely === 0 ? possible : likely;
    if (likely === 0) isOpen = true;
    else if (isShared(script)) markLanguages(likely, lexicon, visit);
  }
  if (!isOpen) return languages;
  visit(ANY_LANGUAGE, 1, 'language');
  return languages | UNKNOWN;
}

function markLanguages(languages: number, { codes }: Lexicon, visit: VisitLexeme): void {
  for (const [index, code] of codes.entries()) {
    if (languages & (1 << index)) visit(languageLexeme(code), 1, 'language');
  }
}

/** The languages that there is evidence for, as bits: the best, and others that are not far behind. */
function likelyOf(scores: readonly number[], possible: number): number {
  const best = scores.reduce((most, score, index) => (possible & (1 << index) ? Math.max(most, score) : most), 0);
  if (best < MIN_EVIDENCE) return 0;
  return (
    scores.reduce((likely, score, index) => (score >= best * RUNNER_UP ? likely | (1 << index) : likely), 0) & possible
  );
}

/** Whether the languages of a script are told apart. */
export function isShared(script: Script | undefined): boolean {
  return script === 'latin' || script === 'cyrillic';
}

/** Words that apostrophes and hyphens join, found as one: `don't` as `dont`, `e-mail` as `email`. */
function visitJoined(tokens: readonly Token[], visit: VisitLexeme): void {
  for (let index = 1; index < tokens.length; index += 1) {
    if (tokens[index]?.joint === undefined) continue;
    const start = index - 1;
    while (tokens[index + 1]?.joint !== undefined) index += 1;
    const joined = joinedOf(tokens.slice(start, index + 1));
    if (joined !== undefined) visit(joined, Math.min(tokens[start]?.position ?? 1, MAX_POSITION), 'other');
  }
}

/** Longer chains of words are found by their parts only. */
const MAX_JOINED = 4;
const LETTERS = /^[\p{L}\p{M}]{1,20}$/u;

/** Tokens as one word, without marks; `undefined` when not all are words of letters. */
export function joinedOf(tokens: readonly Token[]): string | undefined {
  if (tokens.length < 2 || tokens.length > MAX_JOINED) return undefined;
  if (!tokens.every(({ kind, text }) => kind === 'word' && LETTERS.test(text))) return undefined;
  return foldMarks(tokens.map(({ text }) => text).join(''));
}
