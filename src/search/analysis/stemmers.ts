import { stemmer as arabicStem } from '@orama/stemmers/arabic';
import { stemmer as porterStem } from '@orama/stemmers/english';
import { stemmer as greekStem } from '@orama/stemmers/greek';
import { stemmer as portugueseStem } from '@orama/stemmers/portuguese';
import { stemmer as swedishStem } from '@orama/stemmers/swedish';

/**
 * The stemmers of languages for which `@orama/stemmers` separates frequent forms of one word, or joins frequent words that have
 * nothing in common. Each of these functions returns the stem of a word in lower case.
 */

/** Words that Porter's algorithm stems wrongly, each with its stem. Most are the exceptions of Snowball's English stemmer. */
const ENGLISH_EXCEPTIONS: ReadonlyMap<string, string> = new Map(
  (
    'sky sky|skies sky|skis ski|dying die|lying lie|tying tie|idly idl|gently gentl|ugly ugli|early earli|only onli|singly singl|' +
    'inning inning|innings inning|outing outing|outings outing|canning canning|herring herring|herrings herring|' +
    'earring earring|earrings earring|added add|adding add|news news|atlas atlas|cosmos cosmos|bias bias|andes andes|howe howe'
  )
    .split('|')
    .map((pair) => pair.split(' ') as [string, string]),
);
/** Words such as `this` and `bus`, whose `s` is not an ending. */
const FINAL_S = /^y?[^aeiouy]*[aeiouy]s$/;
/** Words such as `ties` and `died`, whose stem ends in `ie`. */
const SHORT_IE = /^[^aeiouy]ie[sd]$/;
/** Stems such as `try` of `trying`. The stem of `tries` and `tried` is `tri`. */
const WITHOUT_VOWEL = /^[^aeiouy]{2,}y$/;
/** Stems such as `us` of `used`, and the endings after which they lack an `e`. */
const SHORT_STEM = /^[aeiouy][^aeiouy]$/;
const AFTER_SHORT_STEM = /^(?:es?|ed|ing|ful|eful|eless)$/;
const ADVERB = /[cdeghkmnrt]li$/;

/** Adds to Porter's algorithm what Snowball's English stemmer has improved: `try` is `tried`, `quick` is `quickly`. */
export function english(word: string): string {
  const exception = ENGLISH_EXCEPTIONS.get(word);
  if (exception !== undefined) return exception;
  if (FINAL_S.test(word)) return word;
  if (SHORT_IE.test(word)) return word.slice(0, -1);
  const stem = porterStem(word);
  if (WITHOUT_VOWEL.test(stem)) return `${stem.slice(0, -1)}i`;
  if (SHORT_STEM.test(stem) && AFTER_SHORT_STEM.test(word.slice(stem.length))) return `${stem}e`;
  return stem.length > 5 && ADVERB.test(stem) && word.endsWith('ly') ? stem.slice(0, -2) : stem;
}

/** Treats the plural of words in `ão` as their singular: `reuniões` as `reunião`. */
export function portuguese(word: string): string {
  return portugueseStem(word.replace(/(?:ões|ães|ãos)$/, 'ão').replace(/oes$/, 'ao'));
}

/** Removes the article `et`, which Snowball's algorithm removes since its version 3: `bordet` is `bord`. */
export function swedish(word: string): string {
  return swedishStem(word.replace(/(?<=[aeiouyåäö].*[bdfgjklmnprsv])et$/, ''));
}

/** Keeps short words whole, because the algorithm would leave two letters of `παιδιά`. */
export function greek(word: string): string {
  const stem = greekStem(word);
  return stem.length > 2 ? stem : word.replace(/(?<=...)[αειουηωάέίόύήώ]+σ?$/, '');
}

/** The article, alone or joined with a conjunction or a preposition, before at least three more letters. */
const ARTICLE = /^(?:[وف]?(?:ال|بال|كال)|[وف]?لل)(?=.{3})/;

/**
 * Stems a word with the article first and without it then. The algorithm removes endings such as the plural `ات` only from words
 * with the article, and possessive endings only from words without it.
 */
export function arabic(word: string): string {
  return arabicStem(arabicStem(`ال${word.replace(ARTICLE, '')}`));
}
