/** Matches characters that separate words, as observed on a real Meilisearch server of version 1.50. */
const SEPARATORS =
  /[*:;'_\-.,/\\@#+&%`()[\]{}!?"\u2014\u2026\u3001\u3002\uff0c\u30fb\u300c\u300d\uff01\uff1f\u3000\u00b7\u2022\u00a7\u00bf\u00a1\u00d7\u00f7\u2019\0 \t\n\r]+/u;
/**
 * Matches runs of scripts for which the real server has special segmenters. The double treats a run as one word. So it finds
 * less than a real server, and never more.
 */
const SCRIPT_RUN =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+|[^\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+/gu;
const MARKED = /([\p{sc=Latin}\p{sc=Greek}\p{sc=Arabic}\p{sc=Hebrew}])\p{Mn}+/gu;
const HALF_WIDTH_KATAKANA = /[\uff66-\uff9f]+/g;
/** Maximum length of a word in the index, in bytes. */
const MAX_WORD_BYTES = 250;
/** Maximum number of words and phrases that are read from a query. */
const MAX_QUERY_TERMS = 10;
/** Maximum number of words that are read from a phrase. */
const MAX_PHRASE_WORDS = 1_000;

/** Returns the words of a text, in order. */
export function wordsOf(text: string): string[] {
  return text
    .split(SEPARATORS)
    .flatMap((part) => part.match(SCRIPT_RUN) ?? [])
    .map(foldWord)
    .filter((word) => word !== '' && Buffer.byteLength(word) <= MAX_WORD_BYTES);
}

/** Puts a word into lower case, and removes the marks of some scripts. Full width and ligatures stay. */
function foldWord(word: string): string {
  return word
    .replace(HALF_WIDTH_KATAKANA, (run) => run.normalize('NFKC'))
    .toLowerCase()
    .normalize('NFD')
    .replace(MARKED, '$1')
    .normalize('NFC');
}

/** A word or a phrase of a query. It may be negated. */
export interface QueryTerm {
  /** One word, or the words of a phrase. */
  readonly words: readonly string[];
  readonly isPhrase: boolean;
  readonly isNegative: boolean;
}

/** Returns the parts of a query. A quote that is not closed extends to the end. */
export function parseQuery(query: string): QueryTerm[] {
  const terms: QueryTerm[] = [];
  const part = /(?:(?<=^|\s)(-))?(?:"([^"]*)(?:"|$)|([^\s"]+))/gu;
  for (const [, minus, phrase, word] of query.matchAll(part)) {
    const isNegative = minus !== undefined;
    const isPhrase = phrase !== undefined;
    const words = wordsOf(phrase ?? word ?? '').slice(0, MAX_PHRASE_WORDS);
    if (!isPhrase) terms.push(...words.map((one) => ({ words: [one], isPhrase, isNegative })));
    else if (words.length > 0) terms.push({ words, isPhrase, isNegative });
  }
  return terms.slice(0, MAX_QUERY_TERMS);
}
