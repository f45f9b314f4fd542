import { stemmer as danish } from '@orama/stemmers/danish';
import { stemmer as dutch } from '@orama/stemmers/dutch';
import { stemmer as finnish } from '@orama/stemmers/finnish';
import { stemmer as french } from '@orama/stemmers/french';
import { stemmer as german } from '@orama/stemmers/german';
import { stemmer as hungarian } from '@orama/stemmers/hungarian';
import { stemmer as hindi } from '@orama/stemmers/indian';
import { stemmer as italian } from '@orama/stemmers/italian';
import { stemmer as norwegian } from '@orama/stemmers/norwegian';
import { stemmer as romanian } from '@orama/stemmers/romanian';
import { stemmer as russian } from '@orama/stemmers/russian';
import { stemmer as spanish } from '@orama/stemmers/spanish';
import { stemmer as turkish } from '@orama/stemmers/turkish';
import { stemmer as ukrainian } from '@orama/stemmers/ukrainian';
import { arabic, english, greek, portuguese, swedish } from './stemmers.ts';

/** The scripts in which the languages of `LANGUAGES` are written. */
export type Script = 'latin' | 'cyrillic' | 'arabic' | 'greek' | 'devanagari';

export interface Language {
  readonly script: Script;
  /** Returns the stem of a word in lower case. */
  readonly stem: (word: string) => string;
  /**
   * Frequent words of the language, separated by spaces. Each of these words in a text is evidence that the text is in this
   * language.
   */
  readonly words: string;
  /**
   * Letters that few other languages of the script have. Each of these letters in a text is evidence that the text is in this
   * language.
   */
  readonly letters: string;
  /**
   * Minimum length of a stem in a text of unknown language, in UTF-16 code units. Shorter stems are not used in such texts. The
   * minimum is higher for languages whose stemmer removes long endings, because such a stemmer would, for example, shorten the
   * English word `team` to `tea`.
   */
  readonly shortest: number;
}

const BY_CODE = {
  en: {
    script: 'latin',
    stem: english,
    words:
      'the and of to in is it that you for on was with are this have be at not but they we from his her my your what can will would there been has had do does how who when where which or an as if about so just out up all some me he she them their our could should because really very don didn isn doesn please thanks thank did any no yes going need see new now am were being over more most than then after before again always never every each much many today tomorrow yesterday good ok okay sure sorry hello hi hey let make get got want know think time day work off down here',
    letters: '',
    shortest: 2,
  },
  de: {
    script: 'latin',
    stem: german,
    words:
      'der die das und ist nicht ich du wir ihr sie es ein eine einen einem einer den dem des zu mit auf für von im in am an auch noch aber oder wenn dass daß wie was wer wo warum hat haben hast habe sind war wird werden kann kannst können mein dein sein bei nach aus über nur schon mal heute morgen gestern bitte danke ja nein doch mir dir uns euch man keine kein hier alle gibt beim zum zur vom waren wäre hatte hatten würde wollen will soll sollen muss müssen geht gehen kommt kommen macht machen sehr viel mehr immer nie wieder jetzt dann denn weil während vor seit gegen ohne unter zwischen guten guter alles nichts etwas jeder jede',
    letters: 'äöüß',
    shortest: 3,
  },
  fr: {
    script: 'latin',
    stem: french,
    words:
      'le la les un une des de du et est dans que qui pour pas sur avec ce cette ces je tu il elle nous vous ils elles ne se au aux mais ou où sont été être avoir ai as avez avons ont mon ma mes ton ta tes son sa ses notre votre leur plus très bien tout tous comme fait si oui non merci aujourd hui quand comment pourquoi chez sans sous mais donc car en par y était étaient suis sommes êtes sera faire peut peux pouvez veux dit va vais allez vont aller toujours jamais encore déjà après avant depuis pendant rien quelque chose autre même trop peu aussi alors voilà bonjour salut demain hier',
    letters: 'éèêàçùûîôœë',
    shortest: 4,
  },
  es: {
    script: 'latin',
    stem: spanish,
    words:
      'el la los las un una unos unas de del y en que es por para con no se su sus lo al como más pero este esta estos estas eso esto hay está están son fue ser muy ya también si sí porque cuando dónde donde qué quién cómo todo todos mi tu me te nos le les hoy mañana ayer gracias yo él ella nosotros tiene tengo puede puedo hacer desde hasta sin sobre era eran soy eres somos voy vas va vamos van ir ver ahora siempre nunca después antes entre cada otro otra mismo nada algo bien mal así pues hola buenos buenas vale quiero quiere ha he han había',
    letters: 'ñáéíóú¿¡',
    shortest: 4,
  },
  it: {
    script: 'latin',
    stem: italian,
    words:
      'il lo la i gli le un uno una di del della dei degli delle dello a al alla ai alle da dal dalla in nel nella nei sul sulla con per tra fra e ed è sono non che chi cui come dove quando perché anche ma se più questo questa questi queste quello ho hai ha abbiamo avete hanno mi ti ci vi si io tu lui lei noi voi loro molto tutto tutti oggi domani ieri grazie sì essere stato già ancora era erano sei siamo siete va vado vai andiamo vanno fare fa fatto sempre mai dopo prima ogni altro altra stesso niente qualcosa bene male così poi allora ciao buongiorno voglio vuole dice ora adesso',
    letters: 'àèìòù',
    shortest: 4,
  },
  pt: {
    script: 'latin',
    stem: portuguese,
    words:
      'o a os as um uma uns umas de do da dos das em no na nos nas e é que por para com não se ao aos à às como mais mas este esta isso isto há está estão são foi ser muito já também sim porque quando onde quem tudo todos meu minha seu sua eu você ele ela nós eles me te hoje amanhã ontem obrigado obrigada tem tenho pode posso fazer desde até sem sobre pelo pela era eram sou somos vou vai vamos vão ir ver agora sempre nunca depois antes entre cada outro outra mesmo nada algo bem mal assim então olá bom dia quero quer ficou foram estava estou leu',
    letters: 'ãõçáâêéíóú',
    shortest: 4,
  },
  nl: {
    script: 'latin',
    stem: dutch,
    words:
      'de het een en van in is dat die op te voor met niet aan er om ook als maar naar bij dan nog wel uit heeft heb hebben wordt worden zijn was waren ik je jij hij zij ze we wij jullie mijn jouw onze ons hun dit deze kan kunnen moet moeten wil zal zou geen veel meer over door hoe wat wie waar waarom wanneer vandaag morgen gisteren bedankt ja nee hier alle iets niets ben bent zit ga gaat gaan kom komt komen doe doet doen altijd nooit weer toch eens even alles want omdat dus zonder tussen tegen onder elke goed beetje hallo hoi had hadden liggen ligt staat',
    letters: '',
    shortest: 3,
  },
  sv: {
    script: 'latin',
    stem: swedish,
    words:
      'och det att i en ett som är på för med av den inte har jag du han hon vi ni de om till kan var men så eller när hur vad vem där här också från ska skulle vill måste mycket alla min din sin vår er mig dig oss dem detta denna dessa nu idag imorgon igår tack ja nej finns blir blev vara varit någon inga ingen bara efter vid står ligger bor går får kommer gör gå komma göra alltid aldrig igen lite innan medan utan mellan under allt något hej god hade hans hennes deras mina dina sina köp',
    letters: 'åäö',
    shortest: 3,
  },
  no: {
    script: 'latin',
    stem: norwegian,
    words:
      'og det at i en et ei som er på for med av den ikke har jeg du han hun vi dere de om til kan var men så eller når hvordan hva hvem hvor der her også fra skal skulle vil må mye alle min din sin vår meg deg oss dem dette denne disse nå i dag morgen går takk ja nei finnes blir ble være vært noen ingen bare etter står ligger bor får kommer gjør gå komme gjøre alltid aldri igjen litt før mens uten mellom under alt noe hei god hadde hans hennes deres mitt ditt sitt mine dine sine foran bak ved spiste',
    letters: 'åøæ',
    shortest: 3,
  },
  da: {
    script: 'latin',
    stem: danish,
    words:
      'og det at i en et som er på for med af den ikke har jeg du han hun vi de om til kan var men så eller når hvordan hvad hvem hvor der her også fra skal skulle vil må meget alle min din sin vores mig dig os dem dette denne disse nu i dag morgen går tak ja nej findes bliver blev være været nogen ingen kun efter står ligger bor får kommer gør gå komme gøre altid aldrig igen lidt før mens uden mellem under alt noget hej god havde hans hendes deres mit dit sit mine dine sine foran bag ved spurgte klokken',
    letters: 'åøæ',
    shortest: 3,
  },
  fi: {
    script: 'latin',
    stem: finnish,
    words:
      'ja on ei että se hän minä sinä me te he oli ovat olen olet olemme olla mutta tai kun jos niin myös kuin mitä mikä missä milloin miten miksi kuka tämä tuo nämä ne sen joka jotka vain nyt jo vielä kanssa mukaan hyvin kaikki kiitos tänään huomenna eilen voi voin voit pitää ole eivät en et emme sitä siitä minun sinun hänen meidän teidän heidän onko olisi ollut tule tulee mene menee menen teen tekee aina koskaan taas ennen jälkeen ilman kesken alla päällä hyvä hei moi terve paljon vähän asuu asun monta yksi kaksi näin siis sitten',
    letters: 'äö',
    shortest: 4,
  },
  hu: {
    script: 'latin',
    stem: hungarian,
    words:
      'a az egy és is hogy nem van volt lesz de ha már csak még ez azt ezt meg mert vagy mint el ki be le fel én te ő mi ti ők engem téged minden nagyon jó itt ott hol mikor hogyan miért mit kell lehet volna vannak ma holnap tegnap köszönöm igen sem után előtt alatt között nincs amely ami aki vagyok vagyunk vagytok voltak lenne legyen megy megyek gyere jön mindig soha újra közben nélkül valami semmi szia helló otthon itthon szép új egyik másik hozzá vele tőle róla benne',
    letters: 'áéíóöőúüű',
    shortest: 4,
  },
  tr: {
    script: 'latin',
    stem: turkish,
    words:
      've bir bu da de için ile çok daha ne var yok mı mi mu mü değil ben sen o biz siz onlar ama gibi kadar sonra önce şey her olan olarak en ki ya veya nasıl neden niçin kim nerede zaman bugün yarın dün teşekkürler evet hayır lütfen benim senin onun bizim sizin bana sana ona bize size oldu olur olacak şimdi hiç idi vardı olsun geliyor gidiyor gel asla yine tekrar arasında olmadan altında üzerinde hepsi bazı iyi güzel merhaba selam istiyorum lazım olmuş unuttum üzgünüm',
    letters: 'ğışçöü',
    shortest: 4,
  },
  ro: {
    script: 'latin',
    stem: romanian,
    words:
      'și si în de la cu pe nu o un una este sunt a al ale ai cel cea cei cele că ca să se din pentru mai dar sau dacă când unde cum ce cine foarte tot toate toți meu mea tău ta lui ei noi voi eu tu el ea am are avem aveți au fost fi azi mâine ieri mulțumesc da acest această aceste după până fără despre era erau ești suntem sunteți merg merge mergem vin vine face fac întotdeauna niciodată iar înainte între sub nimic ceva bine bună salut vreau vrea două doi trei',
    letters: 'ăâîșțşţ',
    shortest: 4,
  },
  ru: {
    script: 'cyrillic',
    stem: russian,
    words:
      'и в не на что я с он как это по но они мы вы ты она к у же за из от так все его её было был была были для бы только мне меня есть нет когда где кто уже если или до вот чтобы очень ещё еще да при о об этот эта эти сегодня завтра вчера спасибо тоже там тут сейчас потом всегда никогда опять перед после без под между каждый ничего хорошо привет можно нужно надо будет будут стоит один эту',
    letters: 'ыэъё',
    shortest: 3,
  },
  uk: {
    script: 'cyrillic',
    stem: ukrainian,
    words:
      'і й в у не на що я з він як це по але вони ми ви ти вона до же за із від так все його її було був була були для би тільки мені мене є немає коли де хто вже якщо або ось щоб дуже ще та при про цей ця ці сьогодні завтра вчора дякую теж там тут зараз потім завжди ніколи знову перед після без під між кожен нічого добре привіт можна треба буде будуть мій моя моє мої їх щодня один',
    letters: 'іїєґ',
    shortest: 3,
  },
  ar: { script: 'arabic', stem: arabic, words: '', letters: '', shortest: 2 },
  el: { script: 'greek', stem: greek, words: '', letters: '', shortest: 2 },
  hi: { script: 'devanagari', stem: hindi, words: '', letters: '', shortest: 2 },
} satisfies Readonly<Record<string, Language>>;

/** The ISO 639-1 code of a language in `LANGUAGES`. */
export type LanguageCode = keyof typeof BY_CODE;

/**
 * The languages that have a stemmer, by ISO 639-1 code. A search for a word of such a language also finds the other grammatical
 * forms of the word.
 */
export const LANGUAGES: Readonly<Record<LanguageCode, Language>> = BY_CODE;

export const LANGUAGE_CODES = Object.keys(LANGUAGES) as readonly string[] as readonly LanguageCode[];

const ASCII_LETTER = /^[a-z]/;
const SCRIPTS: readonly (readonly [script: Script, pattern: RegExp])[] = [
  ['latin', /^\p{sc=Latin}/u],
  ['cyrillic', /^\p{sc=Cyrillic}/u],
  ['arabic', /^\p{sc=Arabic}/u],
  ['greek', /^\p{sc=Greek}/u],
  ['devanagari', /^\p{sc=Devanagari}/u],
];

/** Returns the script of a word's first letter, or `undefined` if no language in `LANGUAGES` uses that script. */
export function scriptOf(word: string): Script | undefined {
  if (ASCII_LETTER.test(word)) return 'latin';
  return SCRIPTS.find(([, pattern]) => pattern.test(word))?.[0];
}
