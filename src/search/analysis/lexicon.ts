import { foldMarks, isAscii, otherFormsOf } from './fold.ts';
import { LANGUAGES, type Language, type LanguageCode, type Script, scriptOf } from './languages.ts';

/** How strongly a word indicates a language. `language` is an index into `Lexicon.codes`. */
export interface Evidence {
  readonly language: number;
  readonly weight: number;
}

/** The properties of a word that do not depend on the text around it. */
export interface Word {
  /** The word after folding. Folding, for example, puts a word into lower case. */
  readonly text: string;
  /**
   * Other spellings of the word: without marks such as accents, and with two letters for a letter with a mark. The index stores
   * these spellings too.
   */
  readonly otherForms: readonly string[];
  readonly script: Script | undefined;
  /** The languages that use the word's script, as bits. Bit `1 << index` stands for `Lexicon.codes[index]`. */
  readonly languages: number;
  /**
   * The languages that the word indicates. Empty if the word indicates none, or if only one language uses the word's script.
   */
  readonly evidence: readonly Evidence[];
  /**
   * Returns the word's stems in the given languages, which are bits. Leaves out stems that equal the word or one of its other
   * forms, and stems of one UTF-16 code unit. If `UNKNOWN` is among the bits, the language of the text is unknown, and the
   * result also leaves out stems shorter than `Language.shortest`.
   */
  readonly stemsIn: (languages: number) => readonly string[];
}

export interface Lexicon {
  readonly codes: readonly LanguageCode[];
  /** Returns the languages that use a script, as bits. */
  readonly languagesOf: (script: Script) => number;
  /**
   * Languages as bits, and the bit `UNKNOWN`. If a text may be in one of these languages, or its language is unknown, the index
   * also stores the spellings of its words with two letters for a letter with a mark, such as `koeln` for `köln`.
   */
  readonly twoLetterLanguages: number;
  readonly wordOf: (word: string) => Word;
}

/** The bit for a text of unknown language. It is higher than the bits of all languages. */
export const UNKNOWN: number = 1 << 30;
/** Maximum number of words in the lexicon's cache. A full cache is emptied. */
const MAX_WORDS = 50_000;
/** Matches words that have stems: 3 to 40 letters and marks, no digits. */
const STEMMABLE = /^[\p{L}\p{M}]{3,40}$/u;
/**
 * Matches words that start with a digit. The lexicon does not cache such words, because the same number rarely occurs twice.
 */
const NUMBER = /^[0-9]/;
const NONE: readonly never[] = Object.freeze([]);
/**
 * Languages in which people write `ae` for `ä`, or `aa` for `å`. For these languages, the index also stores the stems of words
 * in this spelling.
 */
const TWO_LETTERS: ReadonlySet<LanguageCode> = new Set(['de', 'sv', 'no', 'da']);
/** Languages that have letters such as `ä`, and in which nobody writes two letters instead. */
const ONE_LETTER: ReadonlySet<LanguageCode> = new Set(['fi', 'hu', 'tr']);

/**
 * Creates a lexicon, which looks up the properties of words. The lexicon caches words, because finding a stem takes far longer
 * than cutting a text into words.
 */
export function createLexicon(codes: readonly LanguageCode[]): Lexicon {
  const languages: readonly Language[] = codes.map((code) => LANGUAGES[code]);
  const bits = new Map<Script, number>();
  for (const [index, { script }] of languages.entries()) bits.set(script, (bits.get(script) ?? 0) | (1 << index));
  const bitsOf = (isWanted: (code: LanguageCode) => boolean): number =>
    codes.reduce((sum, code, index) => (isWanted(code) ? sum | (1 << index) : sum), 0);
  const twoLetters = bitsOf((code) => TWO_LETTERS.has(code));
  const evidenceOf = createEvidence(languages);
  const known = new Map<string, Word>();

  const look = (word: string): Word => {
    const otherForms = otherFormsOf(word);
    const script = scriptOf(word);
    const mine = script === undefined ? 0 : (bits.get(script) ?? 0);
    // If only one language uses this script, evidence is not needed.
    const evidence =
      (mine & (mine - 1)) === 0 ? NONE : evidenceOf(word).filter(({ language }) => mine & (1 << language));
    const common = { text: word, otherForms, script, languages: mine, evidence };
    if (mine === 0 || !STEMMABLE.test(word)) return { ...common, stemsIn: noStems };
    const forms = new Set([word, ...otherForms]);
    const lists = new Map<number, readonly string[]>();
    // `last` keeps the last answer, because most texts of a homeserver are in the same language.
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
          const others = twoLetters & (1 << index) ? otherForms : otherForms.slice(0, 1);
          for (const one of stemsOf([word, ...others], stem)) {
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
    twoLetterLanguages: UNKNOWN | bitsOf((code) => LANGUAGES[code].script === 'latin' && !ONE_LETTER.has(code)),
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

/**
 * Returns the stem of each spelling of a word, without marks. People type words with and without marks such as accents, and the
 * stems of the two spellings may differ.
 */
function stemsOf(spellings: readonly string[], stem: (word: string) => string): string[] {
  return spellings.map((spelling) => foldMarks(stem(spelling)));
}

/**
 * How much evidence a word or letter gives for a language if it is in the lists of 1, 2 or 3 languages. A word or letter in the
 * lists of more than 3 languages gives no evidence.
 */
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
