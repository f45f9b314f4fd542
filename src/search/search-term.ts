import { fold, isUnspaced, pairsOf, runsOf, spelledWordsOf, tokenize, wordOf } from './tokenizer.ts';

/** What a text must contain to match: a word, a phrase of character pairs, or one character of an unspaced script. */
export type SearchTerm =
  | { readonly kind: 'word'; readonly lexeme: string }
  | { readonly kind: 'phrase'; readonly lexemes: readonly string[]; readonly run: string }
  | { readonly kind: 'character'; readonly character: string };

/** Further terms are ignored. */
const MAX_TERMS = 32;
/** Further characters of a phrase are ignored. A phrase of thousands of characters overflows PostgreSQL's stack. */
const MAX_PHRASE_LENGTH = 256;

/** The terms of a search. A text must match all of them. Empty if the search has no searchable text. */
export function parseSearchTerm(searchTerm: string): SearchTerm[] {
  return runsOf(fold(searchTerm)).slice(0, MAX_TERMS).map(termOf);
}

function termOf(run: string): SearchTerm {
  if (!isUnspaced(run)) return { kind: 'word', lexeme: wordOf(run) };
  const characters = Array.from(run).slice(0, MAX_PHRASE_LENGTH);
  return characters.length === 1
    ? { kind: 'character', character: run }
    : { kind: 'phrase', lexemes: pairsOf(characters), run: characters.join('') };
}

/** Whether a text contains all terms. Gives the same answer as an index, but reads the text itself. */
export function matchesTerms(text: string, terms: readonly SearchTerm[]): boolean {
  const positions = new Map<string, Set<number>>();
  for (const { lexeme, position } of tokenize(text)) {
    const known = positions.get(lexeme);
    if (known) known.add(position);
    else positions.set(lexeme, new Set([position]));
  }
  return terms.length > 0 && terms.every((term) => matchesTerm(positions, term));
}

function matchesTerm(positions: ReadonlyMap<string, ReadonlySet<number>>, term: SearchTerm): boolean {
  if (term.kind === 'word') return positions.has(term.lexeme);
  if (term.kind === 'character') return [...positions.keys()].some((lexeme) => lexeme.startsWith(term.character));
  const [first, ...rest] = term.lexemes;
  return [...(positions.get(first ?? '') ?? [])].some((start) =>
    rest.every((lexeme, index) => positions.get(lexeme)?.has(start + index + 1)),
  );
}

/** The matching words of a text, in the text's own spelling. These are the `highlights` of `/_matrix/client/v3/search`. */
export function highlightsOf(text: string, terms: readonly SearchTerm[]): string[] {
  const words = new Set(terms.flatMap((term) => (term.kind === 'word' ? [term.lexeme] : [])));
  const highlights = new Set(spelledWordsOf(text).filter((word) => words.has(wordOf(fold(word)))));
  const folded = fold(text);
  for (const term of terms) {
    const substring = term.kind === 'phrase' ? term.run : term.kind === 'character' ? term.character : undefined;
    if (substring !== undefined && folded.includes(substring)) highlights.add(substring);
  }
  return [...highlights];
}
