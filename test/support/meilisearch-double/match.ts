import type { Settings } from './settings.ts';
import { type QueryTerm, wordsOf } from './text.ts';
import type { JsonObject } from './values.ts';

export type MatchingStrategy = 'last' | 'all' | 'frequency';

export interface Match {
  /** Number of the query's terms that match. */
  readonly matched: number;
  /** Position of the first matching term in its attribute. */
  readonly position: number;
}

/** For each searchable attribute: its words in order. */
type Attributes = readonly (readonly string[])[];

/** Decides which documents match a query. */
export interface Matcher {
  readonly match: (document: JsonObject) => Match | undefined;
}

export interface MatcherOptions {
  readonly strategy: MatchingStrategy;
  /** Whether the last word of the query may be the beginning of a word in the text. */
  readonly isPrefixed: boolean;
  /** Whether the words of a phrase must be adjacent. This is so if `proximityPrecision` is `byWord`. */
  readonly isInOrder: boolean;
}

export function createMatcher(
  terms: readonly QueryTerm[],
  { strategy, isPrefixed, isInOrder }: MatcherOptions,
  attributesOf: (document: JsonObject) => Attributes,
): Matcher {
  const wanted = terms.filter(({ isNegative }) => !isNegative);
  const unwanted = terms.filter(({ isNegative }) => isNegative);

  const finds = (attributes: Attributes, { words, isPhrase }: QueryTerm, isLast = false): boolean =>
    attributes.some((attribute) =>
      isPhrase
        ? hasPhrase(attribute, words, isInOrder)
        : hasWord(attribute, words[0] ?? '', isPrefixed && isLast, isInOrder),
    );

  /** Returns how many terms match, counted from the first term. Two adjacent terms may match one word in the text. */
  const matchedFromStart = (attributes: Attributes): number => {
    let at = 0;
    while (at < wanted.length) {
      const joined = [3, 2].find((length) => attributes.some((attribute) => hasJoined(attribute, wanted, at, length)));
      const term = wanted[at];
      if (term !== undefined && finds(attributes, term, at === wanted.length - 1)) at += 1;
      else if (joined !== undefined) at += joined;
      else break;
    }
    return at;
  };

  const matched = (attributes: Attributes): number | undefined => {
    if (wanted.length === 0) return 0;
    if (strategy === 'frequency') {
      const count = wanted.filter((term) => finds(attributes, term)).length;
      return count > 0 ? count : undefined;
    }
    const count = matchedFromStart(attributes);
    if (count === wanted.length) return count;
    return strategy === 'last' && count > 0 && wanted.slice(count).every(({ isPhrase }) => !isPhrase)
      ? count
      : undefined;
  };

  return {
    match: (document) => {
      const attributes = attributesOf(document);
      if (unwanted.some((term) => finds(attributes, term))) return undefined;
      const count = matched(attributes);
      return count === undefined ? undefined : { matched: count, position: firstPosition(attributes, wanted) };
    },
  };
}

/**
 * Creates a function that reads the words of a document's searchable attributes. It reads them only once for each document and
 * setting.
 */
export function createAttributeReader(): (document: JsonObject, settings: Settings) => Attributes {
  const known = new WeakMap<JsonObject, { names: readonly string[]; attributes: Attributes }>();
  return (document, { searchableAttributes: names }) => {
    const cached = known.get(document);
    if (cached?.names === names) return cached.attributes;
    const searched = names.includes('*') ? Object.keys(document) : names;
    const attributes = searched.map((name) => wordsOf(textOf(document[name])));
    known.set(document, { names, attributes });
    return attributes;
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf).join('. ');
  return typeof value === 'number' ? String(value) : '';
}

function hasWord(attribute: readonly string[], word: string, isPrefix: boolean, isInOrder: boolean): boolean {
  if (attribute.includes(word) || (isPrefix && attribute.some((one) => one.startsWith(word)))) return true;
  // One word of the query may match two words in the text.
  return attribute.some((one, at) => {
    if (one.length >= word.length || !word.startsWith(one)) return false;
    const rest = word.slice(one.length);
    return isInOrder ? attribute[at + 1] === rest : attribute.includes(rest);
  });
}

function hasPhrase(attribute: readonly string[], words: readonly string[], isInOrder: boolean): boolean {
  if (!isInOrder) {
    const present = new Set(attribute);
    return words.every((word) => present.has(word));
  }
  return attribute.some((_, start) => words.every((word, index) => attribute[start + index] === word));
}

function hasJoined(attribute: readonly string[], terms: readonly QueryTerm[], at: number, length: number): boolean {
  const joined = terms.slice(at, at + length);
  if (joined.length < length || joined.some(({ isPhrase }) => isPhrase)) return false;
  return attribute.includes(joined.map(({ words }) => words[0]).join(''));
}

function firstPosition(attributes: Attributes, terms: readonly QueryTerm[]): number {
  const words = new Set(terms.flatMap((term) => term.words));
  const positions = attributes.map((attribute) => attribute.findIndex((word) => words.has(word)));
  return Math.min(65_535, ...positions.filter((position) => position >= 0));
}
