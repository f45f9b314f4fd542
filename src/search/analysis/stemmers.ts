import { stemmer as arabicStem } from '@orama/stemmers/arabic';
import { stemmer as porterStem } from '@orama/stemmers/english';
import { stemmer as greekStem } from '@orama/stemmers/greek';
import { stemmer as portugueseStem } from '@orama/stemmers/portuguese';
import { stemmer as swedishStem } from '@orama/stemmers/swedish';

/**
 * This file corrects the stemmers of `@orama/stemmers` that give frequent forms of one word different stems, or give frequent
 * words that have nothing in common the same stem. Each exported function returns the stem of a word in lower case.
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
/**
 * Stems whose only vowel is a `y` at the end, such as `try` of `trying`. `english()` makes `tri` of it, because that is the
 * stem of `tries` and `tried`.
 */
const WITHOUT_VOWEL = /^[^aeiouy]{2,}y$/;
/** Stems of one vowel and one consonant, such as `us` of `used`. */
const SHORT_STEM = /^[aeiouy][^aeiouy]$/;
/** If one of these endings follows a short stem, `english()` adds an `e` to the stem: the stem of `used` is `use`. */
const AFTER_SHORT_STEM = /^(?:es?|ed|ing|ful|eful|eless)$/;
/**
 * Stems of adverbs, such as `quickli` of `quickly`. If such a stem has more than five letters and the word ends in `ly`,
 * `english()` removes the `li`.
 */
const ADVERB = /[cdeghkmnrt]li$/;

/**
 * Stems an English word with Porter's algorithm and the improvements of Snowball's English stemmer: `try` and `tried` have the
 * same stem, and so do `quick` and `quickly`.
 */
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

/**
 * Stems a Portuguese word. The plural of a word that ends in `ão` gets the stem of its singular: `reuniões` has the stem of
 * `reunião`.
 */
export function portuguese(word: string): string {
  return portugueseStem(word.replace(/(?:ões|ães|ãos)$/, 'ão').replace(/oes$/, 'ao'));
}

/**
 * Stems a Swedish word without its article `et`, so that `bordet` has the stem of `bord`. Snowball's own algorithm removes this
 * article since version 3.
 */
export function swedish(word: string): string {
  return swedishStem(word.replace(/(?<=[aeiouyåäö].*[bdfgjklmnprsv])et$/, ''));
}

/**
 * Stems a Greek word. If the stem has two letters or fewer, such as `πα` of `παιδιά`, returns the word without its final
 * vowels, and without a `σ` after them. At least three letters stay.
 */
export function greek(word: string): string {
  const stem = greekStem(word);
  return stem.length > 2 ? stem : word.replace(/(?<=...)[αειουηωάέίόύήώ]+σ?$/, '');
}

/** The Arabic article, alone or joined with a conjunction or a preposition, before at least three more letters. */
const ARTICLE = /^(?:[وف]?(?:ال|بال|كال)|[وف]?لل)(?=.{3})/;

/**
 * Stems an Arabic word twice: first with the article `ال` in front, and then the result, which has no article. The algorithm
 * removes endings such as the plural `ات` only from words with the article, and possessive endings only from words without the
 * article.
 */
export function arabic(word: string): string {
  return arabicStem(arabicStem(`ال${word.replace(ARTICLE, '')}`));
}
