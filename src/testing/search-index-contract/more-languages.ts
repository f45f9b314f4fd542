import type { Expectations } from './expectations.ts';

/**
 * Expected results in other languages for which the search has stemming. A search for a word also finds its other grammatical
 * forms.
 */
export const MORE_LANGUAGES: Readonly<Record<string, Expectations>> = {
  Finnish: {
    texts: [
      'Taloissa on monta huonetta ja pieni piha',
      'Hän asuu isossa talossa järven rannalla',
      'Kissat nukkuvat aina päivällä sohvalla',
      'Näin eilen yhden kissan pihalla',
    ],
    finds: { talo: [0, 1], talossa: [0, 1], piha: [0, 3], kissa: [2, 3], jarven: [1], paivalla: [2], nakemiin: [] },
  },
  Hungarian: {
    texts: [
      'A házak között van egy nagyon szép kert',
      'Otthon vagyunk a házban, gyere te is',
      'A könyvek az asztalon vannak, nem a polcon',
    ],
    finds: { ház: [0, 1], haz: [0, 1], házban: [0, 1], könyv: [2], konyvek: [2], asztal: [2], kert: [0] },
  },
  Turkish: {
    texts: [
      'Kitapları masanın üzerinde unuttum, çok üzgünüm',
      'Bu kitap benim değil, senin kitabın nerede?',
      'İSTANBUL bugün çok güzel, ISPARTA da öyle',
    ],
    finds: {
      kitap: [0, 1],
      kitaplar: [0, 1],
      istanbul: [2],
      İstanbul: [2],
      ısparta: [2],
      isparta: [2],
      guzel: [2],
      değil: [1],
      degil: [1],
    },
  },
  Romanian: {
    texts: ['Casele de pe această stradă sunt foarte vechi', 'Am cumpărat o casă și două mașini în București'],
    finds: { casă: [0, 1], case: [0, 1], strada: [0], mașină: [1], masini: [1], bucuresti: [1], bucureşti: [1] },
  },
  Russian: {
    texts: [
      'Мы читаем интересные книги каждый вечер',
      'Он прочитал эту книгу за один день',
      'Новогодняя ёлка стоит на площади',
      'Сервер перезагружен, ошибок больше нет',
    ],
    finds: {
      книга: [0, 1],
      книг: [0, 1],
      КНИГИ: [0, 1],
      читать: [0],
      елка: [2],
      ёлки: [2],
      площадь: [2],
      сервера: [3],
      'книга -день': [0],
      'серв*': [3],
    },
  },
  Ukrainian: {
    texts: [
      'Мій комп’ютер зламався, потрібна допомога',
      'Ми читаємо цікаві книги щодня',
      'Її їжак спить у саду',
      'Ґанок і п’ять яблук',
    ],
    finds: {
      "комп'ютер": [0],
      компютер: [0],
      компютери: [0],
      ганок: [3],
      пять: [3],
      книга: [1],
      'цікава книга': [1],
      їжак: [2],
      допомогу: [0],
    },
  },
  Greek: {
    texts: [
      'Η Ελλάδα έχει πολλά νησιά',
      'Διαβάζω ένα βιβλίο για τους δρόμους της Αθήνας',
      'Ο δρόμος είναι κλειστός',
      'Τα παιδιά παίζουν',
    ],
    finds: {
      ελλαδα: [0],
      ΕΛΛΆΔΑ: [0],
      νησια: [0],
      δρόμος: [1, 2],
      δρομος: [1, 2],
      ΔΡΟΜΟΣ: [1, 2],
      αθήνα: [1],
      παιδί: [3],
    },
  },
  Arabic: {
    texts: [
      'قرأتُ الكِتابَ أمس في المكتبة',
      'هذا كتاب جديد عن تاريخ المدينة',
      'ذهب أحمد إلى المستشفى مع أُمِّه',
      'العـــربية لغة جميلة',
      'الاجتماعات والسيارات في البريد',
    ],
    finds: {
      كتاب: [0, 1],
      الكتاب: [0, 1],
      الكِتَاب: [0, 1],
      المكتبه: [0],
      مكتبة: [0],
      احمد: [2],
      المستشفي: [2],
      العربية: [3],
      مدينة: [1],
      اجتماع: [4],
      اجتماعات: [4],
      سيارة: [4],
      بريد: [4],
    },
  },
  Hindi: {
    texts: ['मुझे हिन्दी किताबें पढ़ना पसंद है', 'यह किताब बहुत पुरानी है, कमरा नंबर १२', 'लड़के बाग़ में खेल रहे हैं'],
    finds: { हिंदी: [0], हिन्दी: [0], किताब: [0, 1], किताबें: [0, 1], पढना: [0], बाग: [2], लड़का: [2], '12': [1] },
  },
};
