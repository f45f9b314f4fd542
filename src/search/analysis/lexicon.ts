import { foldMarks, isAscii, otherFormsOf } from './fold.ts';
import { LANGUAGES, type Language, type LanguageCode, type Script, scriptOf } from './languages.ts';

/** How much a word says for a language, which is named by its place in the list of languages. */
export interface Evidence {
  readonly language: number;
  readonly weight: number;
}

/** What is known of a word whatever text it stands in. */
export interface Word {
  /** As it is spelled, folded. */
  readonly text: string;
  /** Other forms that it is found by: without marks, with two letters for one. */
  readonly otherForms: readonly string[];
  readonly script: Script | undefined;
  /** The languages of its script, as bits. */
  readonly languages: number;
  /** For which languages it speaks, if there are several of its script. */
  readonly evidence: readonly Evidence[];
  /**
   * Its stems in languages, each named by its bit, without those that are a form of the word. With `UNKNOWN` among the bits,
   * the text may be in any of them, and stems that are too short for that are left out.
   */
  readonly stemsIn: (languages: number) => readonly string[];
}

export interface Lexicon {
  readonly codes: readonly LanguageCode[];
  /** The languages of a script, as bits. */
  readonly languagesOf: (script: Script) => number;
  readonly wordOf: (word: string) => Word;
}

/** The bit that says that there is no evidence for any language. */
export const UNKNOWN: number = 1 << 30;
/** Words that are remembered. When there are more, all are forgotten. */
const MAX_WORDS = 50_000;
/** Words of other lengths, or with digits, have no stem. */
const STEMMABLE = /^[\p{L}\p{M}]{3,40}$/u;
/** Numbers and the like, which hardly ever come twice. */
const NUMBER = /^[0-9]/;
const NONE: readonly never[] = Object.freeze([]);

/** Looks words up, and remembers what it has found: stems take far longer than texts to be cut. */
export function createLexicon(codes: readonly LanguageCode[]): Lexicon {
  const languages: readonly Language[] = codes.map((code) => LANGUAGES[code]);
  const bits = new Map<Script, number>();
  for (const [index, { script }] of languages.entries()) bits.set(script, (bits.get(script) ?? 0) | (1 << index));
  const evidenceOf = createEvidence(languages);
  const known = new Map<string, Word>();

  const look = (word: string): Word => {
    const otherForms = otherFormsOf(word);
    const script = scriptOf(word);
    const mine = script === undefined ? 0 : (bits.get(script) ?? 0);
    // One language of a script needs no evidence.
    const evidence =
      (mine & (mine - 1)) === 0 ? NONE : evidenceOf(word).filter(({ language }) => mine & (1 << language));
    const common = { text: word, otherForms, script, languages: mine, evidence };
    if (mine === 0 || !STEMMABLE.test(word)) return { ...common, stemsIn: noStems };
    const forms = new Set([word, ...otherForms]);
    const lists = new Map<number, readonly string[]>();
    // Most texts of a server are in one language.
    let last = { wanted: 0, list: NONE as readonly string[] };
    return {
      ...common,
      stemsIn: (asked) => {
        const wanted = asked & (mine | UNKNOWN);
        if (wanted === last.wanted) return last.list;
        const found = lists.get(wanted);
        if (found !== undefined) {
          last = { wanted, list: found };
          return found;
        }
        const stems = new Set<string>();
        for (const [index, { stem, shortest }] of languages.entries()) {
          if ((wanted & (1 << index)) === 0) continue;
          const least = wanted & UNKNOWN ? shortest : 2;
          for (const one of stemsOf(word, otherForms, stem)) {
            if (one.length >= least && !forms.has(one)) stems.add(one);
          }
        }
        const list = stems.size === 0 ? NONE : [...stems];
        lists.set(wanted, list);
        return list;
      },
    };
  };

  return {
    codes,
    languagesOf: (script) => bits.get(script) ?? 0,
    wordOf: (word) => {
      let found = known.get(word);
      if (found === undefined) {
        found = look(word);
        if (NUMBER.test(word)) return found;
        if (known.size >= MAX_WORDS) known.clear();
        known.set(word, found);
      }
      return found;
    },
  };
}

const noStems = (): readonly string[] => NONE;

/** The stems of a word and of its forms without marks, as people type it either way. */
function stemsOf(word: string, otherForms: readonly string[], stem: (word: string) => string): string[] {
  const stems = [foldMarks(stem(word))];
  const [unmarked] = otherForms;
  if (unmarked !== undefined) stems.push(foldMarks(stem(unmarked)));
  return stems;
}

/** A word that fewer languages have says more, and one that many have nothing. */
const WEIGHTS = [2, 1, 0.5] as const;

function createEvidence(languages: readonly Language[]): (word: string) => readonly Evidence[] {
  const byWord = sharersOf(languages, ({ words }) => words.split(' '));
  const byLetter = sharersOf(languages, ({ letters }) => Array.from(letters));
  return (word) => {
    const weights = new Map<number, number>();
    const add = (sharers: readonly number[] | undefined): void => {
      const weight = WEIGHTS[(sharers?.length ?? 0) - 1];
      if (sharers === undefined || weight === undefined) return;
      for (const index of sharers) weights.set(index, (weights.get(index) ?? 0) + weight);
    };
    add(byWord.get(word));
    if (!isAscii(word)) for (const letter of new Set(word)) add(byLetter.get(letter));
    return weights.size === 0 ? NONE : [...weights].map(([language, weight]) => ({ language, weight }));
  };
}

function sharersOf(
  languages: readonly Language[],
  marksOf: (language: Language) => readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const sharers = new Map<string, number[]>();
  for (const [index, language] of languages.entries()) {
    for (const mark of new Set(marksOf(language))) {
      if (mark !== '') sharers.set(mark, [...(sharers.get(mark) ?? []), index]);
    }
  }
  return sharers;
}
