import { allOf, anyOf, lexemeOf, type SearchExpression, type SearchLexeme, type SearchPhrase } from './expression.ts';
import { fold } from './fold.ts';
import { ANY_LANGUAGE, isShared, joinedOf, languageLexeme } from './lexemes.ts';
import { type Lexicon, UNKNOWN } from './lexicon.ts';
import { pairsOf, type Token, tokensOf } from './tokens.ts';

/**
 * Maximum number of terms in a query, not counting `OR`. Also the maximum number of tokens in a term that has emoji or
 * characters of scripts without spaces. The parser ignores the rest.
 */
const MAX_TERMS = 32;
/**
 * Maximum number of parts in a phrase. The parser ignores further parts, because a phrase with thousands of parts overflows
 * PostgreSQL's stack.
 */
const MAX_PHRASE_LENGTH = 256;
/** Maximum length of a query, in UTF-16 code units. The parser ignores the rest of a longer query. */
const MAX_QUERY_LENGTH = 16_000;

const QUOTES = /[\u201c-\u201f\u2033\u00ab\u00bb\uff02]/g;
/** A term of a query: an optional minus, and then either a quoted phrase or characters that are neither spaces nor quotes. */
const TERM = /(?<minus>(?<![^\s"])-)?(?:"(?<phrase>[^"]*)"|(?<chunk>[^\s"]+))/gu;

type Term = { readonly kind: 'or' } | { readonly kind: 'wanted' | 'unwanted'; readonly expression: SearchExpression };

/**
 * Parses a query that a user has written in the syntax of web searches. A text must contain all words, each in any of its
 * forms. `"a phrase"` asks for these words directly one after another, and not for words with the same stem. `-word` and `-"a
 * phrase"` exclude texts. `word*` asks for words that start with `word`. `OR` separates alternatives: each alternative consists
 * of all terms up to the next `OR`. Malformed syntax is read as plain words. Returns `undefined` if no term asks for a word,
 * for example if all terms exclude words.
 */
export function parseQuery(query: string, lexicon: Lexicon): SearchExpression | undefined {
  const text = withoutOpenQuote(query.slice(0, MAX_QUERY_LENGTH).toWellFormed().replace(QUOTES, '"'));
  const groups: { wanted: SearchExpression[]; unwanted: SearchExpression[] }[] = [{ wanted: [], unwanted: [] }];
  let count = 0;
  for (const term of termsOf(text, lexicon)) {
    if (term.kind === 'or') {
      groups.push({ wanted: [], unwanted: [] });
      continue;
    }
    count += 1;
    if (count > MAX_TERMS) break;
    groups.at(-1)?.[term.kind].push(term.expression);
  }
  const alternatives = groups
    .filter(({ wanted }) => wanted.length > 0)
    .map(({ wanted, unwanted }) => allOf([...wanted, ...unwanted.map((of) => ({ kind: 'not', of }) as const)]));
  if (alternatives.length > 0) return anyOf(alternatives);
  // A query that consists only of `OR` asks for the word `or`.
  return groups.length > 1 && count === 0 ? wordExpression('or', lexicon) : undefined;
}

/**
 * Removes the last quote if the number of quotes is odd. Puts a space in the place of the quote, so that the words around the
 * quote stay separate.
 */
function withoutOpenQuote(text: string): string {
  if ((text.split('"').length - 1) % 2 === 0) return text;
  const last = text.lastIndexOf('"');
  return `${text.slice(0, last)} ${text.slice(last + 1)}`;
}

function termsOf(text: string, lexicon: Lexicon): Term[] {
  const terms: Term[] = [];
  for (const { groups } of text.matchAll(TERM)) {
    const { minus, phrase, chunk = '' } = groups ?? {};
    if (phrase === undefined && minus === undefined && chunk === 'OR') {
      terms.push({ kind: 'or' });
      continue;
    }
    // A word after two minus signs is not excluded: `--word` asks for `word`, because users paste command-line options.
    const isUnwanted = minus !== undefined && !chunk.startsWith('-');
    const expression = phrase === undefined ? chunkExpression(chunk, lexicon) : phraseExpression(phrase, lexicon);
    if (expression !== undefined) terms.push({ kind: isUnwanted ? 'unwanted' : 'wanted', expression });
  }
  return terms;
}

const PREFIX = /[\p{L}\p{M}\p{N}]\*+$/u;

function chunkExpression(chunk: string, lexicon: Lexicon): SearchExpression | undefined {
  const tokens = withoutParticles(tokensOf(fold(chunk)));
  const isPrefix = PREFIX.test(chunk);
  const [first] = tokens;
  if (first === undefined) return undefined;
  if (tokens.some(({ kind }) => kind !== 'word')) {
    return allOf(tokens.slice(0, MAX_TERMS).map((token) => tokenExpression(token, lexicon)));
  }
  if (tokens.length === 1) {
    return isPrefix ? anyOf(formsOf(first.text, lexicon, { isPrefix })) : wordExpression(first.text, lexicon);
  }
  const last = tokens.length - 1;
  const phrase = phraseOf(tokens, (word, index) =>
    isPrefix && index === last ? formsOf(word, lexicon, { isPrefix }) : everyFormOf(word, lexicon),
  );
  const isJoined = !isPrefix && tokens.slice(1).every(({ joint }) => joint !== undefined);
  const joined = isJoined ? joinedOf(tokens) : undefined;
  return joined === undefined ? phrase : anyOf([phrase, lexemeOf(joined)]);
}

function tokenExpression(token: Token, lexicon: Lexicon): SearchExpression {
  if (token.kind === 'word') return wordExpression(token.text, lexicon);
  if (token.kind === 'emoji') return lexemeOf(token.text);
  const characters = Array.from(token.text);
  return characters.length === 1
    ? { kind: 'phrase', parts: [{ offset: 0, any: [lexemeOf(token.text, { isPrefix: true })] }] }
    : phraseOf([token], () => []);
}

function phraseExpression(phrase: string, lexicon: Lexicon): SearchExpression | undefined {
  const tokens = tokensOf(fold(phrase));
  return tokens.length === 0 ? undefined : phraseOf(tokens, (word) => formsOf(word, lexicon, { isExact: true }));
}

function phraseOf(
  tokens: readonly Token[],
  lexemesOf: (word: string, index: number) => readonly SearchLexeme[],
): SearchPhrase {
  const start = tokens[0]?.position ?? 1;
  const parts: SearchPhrase['parts'][number][] = [];
  for (const [index, { kind, text, position }] of tokens.entries()) {
    if (parts.length >= MAX_PHRASE_LENGTH) break;
    const offset = position - start;
    if (kind === 'word') parts.push({ offset, any: lexemesOf(text, index) });
    else if (kind === 'emoji') parts.push({ offset, any: [lexemeOf(text)] });
    else {
      const characters = Array.from(text).slice(0, MAX_PHRASE_LENGTH - parts.length);
      if (characters.length === 1) parts.push({ offset, any: [lexemeOf(text, { isPrefix: true })] });
      for (const [at, pair] of pairsOf(characters).entries())
        parts.push({ offset: offset + at, any: [lexemeOf(pair)] });
    }
  }
  return { kind: 'phrase', parts };
}

/** Returns the lexemes for a word's spelling and for its other forms, such as the word without accents. */
function formsOf(
  word: string,
  lexicon: Lexicon,
  options: Partial<Pick<SearchLexeme, 'isPrefix' | 'isExact'>> = {},
): SearchLexeme[] {
  return [word, ...lexicon.wordOf(word).otherForms].map((form) => lexemeOf(form, options));
}

/** Returns the lexemes for a word's forms and for its stems in all languages that use its script. */
function everyFormOf(word: string, lexicon: Lexicon): SearchLexeme[] {
  const { script, stemsIn } = lexicon.wordOf(word);
  const stems = script === undefined ? [] : stemsIn(lexicon.languagesOf(script));
  return [...formsOf(word, lexicon), ...stems.map((stem) => lexemeOf(stem))];
}

/**
 * Returns an expression that a text matches if it has the word in any of its forms. If several languages share the script of
 * the word, a stem counts only in texts that are marked with the stem's language. Stems that are long enough also count in
 * texts of unknown language, which have the mark `ANY_LANGUAGE`. For example, the Italian stem of `note` is `not`, which is a
 * different word in English.
 */
function wordExpression(word: string, lexicon: Lexicon): SearchExpression {
  const { script, stemsIn } = lexicon.wordOf(word);
  const languages = script === undefined ? 0 : lexicon.languagesOf(script);
  const marksOf = new Map<string, Set<string>>();
  for (const [index, code] of lexicon.codes.entries()) {
    if ((languages & (1 << index)) === 0) continue;
    const anywhere = stemsIn((1 << index) | UNKNOWN);
    for (const stem of stemsIn(1 << index)) {
      const marks = marksOf.get(stem) ?? new Set();
      marks.add(languageLexeme(code));
      if (anywhere.includes(stem)) marks.add(ANY_LANGUAGE);
      marksOf.set(stem, marks);
    }
  }
  const stems = [...marksOf].map(([stem, marks]) =>
    isShared(script) ? allOf([lexemeOf(stem), anyOf([...marks].map((mark) => lexemeOf(mark)))]) : lexemeOf(stem),
  );
  return anyOf([...formsOf(word, lexicon), ...stems]);
}

/** French and Italian articles and particles that an apostrophe attaches to the next word. */
const ELIDED: ReadonlySet<string> = new Set(
  'l d j m t s n c qu jusqu lorsqu puisqu quoiqu un dell nell all sull dall quest quell gl'.split(' '),
);
/** Minimum length of a word after which the genitive `'s` is dropped, in UTF-16 code units. */
const MIN_OWNER_LENGTH = 3;

/**
 * Persian plural, possessive, comparative and superlative endings, which a zero-width non-joiner attaches to the previous word.
 */
const PERSIAN_ENDINGS: ReadonlySet<string> = new Set('ها های هایی هایم هایت هایش ام ات اش ای تر ترین'.split(' '));
const NON_JOINER = '\u200c';

/**
 * Drops particles that an apostrophe or a non-joiner attaches to a word: `l'école` asks for `école`, `John's` asks for `John`,
 * and a Persian plural asks for its singular. Keeps all tokens if no token would be left.
 */
function withoutParticles(tokens: readonly Token[]): readonly Token[] {
  const isTied = (index: number): boolean => tokens[index]?.joint === "'";
  const kept = tokens.filter(({ text, joint }, index) => {
    if (joint === NON_JOINER) return !PERSIAN_ENDINGS.has(text);
    if (ELIDED.has(text) && isTied(index + 1) && !isTied(index)) return false;
    const owner = tokens[index - 1]?.text ?? '';
    return !(text === 's' && isTied(index) && !isTied(index + 1) && owner.length >= MIN_OWNER_LENGTH);
  });
  return kept.length === 0 ? tokens : kept;
}
