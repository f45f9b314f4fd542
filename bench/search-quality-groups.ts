/**
 * Forms of words that people expect to find with each other, by language. Speakers' grammar decides what belongs together, not a
 * stemmer, so that regular and irregular forms are both among them. Bars separate the groups. `sentence` has a place for a form.
 */
export const GROUPS: Readonly<Record<string, { readonly sentence: string; readonly forms: string }>> = {
  English: {
    sentence: 'I think that they saw the … yesterday',
    forms:
      'run runs running ran|meeting meetings|try tries tried trying|mouse mice|city cities|news|new newer newest|quick quickly|use used using|us|café cafe cafes|happy happily happiness|note notes noted|not',
  },
  German: {
    sentence: 'Wir haben gestern auch … gesehen',
    forms:
      'Haus Häuser Hauses hauser|Buch Bücher Büchern buecher|Prüfung Prüfungen pruefung|spielen spielt spielte|Straße Straßen strasse|Köln koln Koeln|schön schöne schönen schoen|Haut|Frau Frauen|Katze Katzen',
  },
  French: {
    sentence: 'Nous avons vu les … dans la rue hier',
    forms:
      'école écoles ecole|cheval chevaux|garçon garçons garcon|mangé mangée mange manger|élève élèves eleve|journal journaux|œuf œufs oeuf|heureux heureuse|écran écrans|réunion réunions',
  },
  Spanish: {
    sentence: 'Ayer vimos también las … en la calle',
    forms:
      'canción canciones cancion|niño niños niña nino|correr corre corriendo corren|español española españoles|reunión reuniones|trabajo trabajar trabaja|avión aviones|perro perros|feliz felices|cansado cansada',
  },
  Italian: {
    sentence: 'Ieri abbiamo visto anche il … della città',
    forms:
      'ragazzo ragazzi ragazza|mangiare mangia mangiato|libro libri|università universita|amico amici amica|bello bella belli|albero alberi|pizza pizze|lavoro lavorare lavora|gatto gatti',
  },
  Portuguese: {
    sentence: 'Ontem nós também não vimos … na rua',
    forms:
      'reunião reuniões reuniao|coração corações|informação informações informacao|livro livros|trabalhar trabalha trabalho|cansado cansada|criança crianças|cão cães|feliz felizes|carro carros',
  },
  Dutch: {
    sentence: 'Wij hebben gisteren ook … gezien',
    forms:
      'boek boeken|kat katten|werken werkt werk|huis huizen|vergadering vergaderingen|mooi mooie|kind kinderen|vriend vrienden',
  },
  Swedish: {
    sentence: 'Vi såg inte … igår eftersom det var mörkt',
    forms:
      'flicka flickor flickan flickorna|bord bordet|möte mötet möten mote|bil bilar bilen|bok böcker boken|röd rött röda|hus huset husen',
  },
  Norwegian: {
    sentence: 'Vi så ikke … hjemme i går, tror jeg',
    forms:
      'gutt gutter guttene|møte møter møtet mote|skole skolen skolene|bil biler bilene|jente jenter jentene|bok bøker boken|hus huset',
  },
  Danish: {
    sentence: 'Vi så ikke … hjemme i går, tror jeg også af',
    forms:
      'pige piger pigerne|møde møder mødet mode|barn børn børnene|hund hunde hundene|skole skolen skoler|æble æbler aeble|hus huset huse',
  },
  Finnish: {
    sentence: 'Me näimme eilen myös … ja se oli hyvä',
    forms:
      'talo talon talossa talot|kissa kissan kissat kissoja|kirja kirjan kirjassa kirjat|auto auton autolla|kokous kokouksen kokouksessa|järvi järven järvellä|tietokone tietokoneen',
  },
  Hungarian: {
    sentence: 'Tegnap is láttuk, hogy … van itt',
    forms:
      'ház házak házban haz|könyv könyvek könyvet|iskola iskolák iskolában|kert kertek kertben|szerver szerverek szerveren|barát barátok',
  },
  Turkish: {
    sentence: 'Dün biz de … gördük ama çok geç oldu',
    forms:
      'kitap kitaplar kitabı kitapları|ev evler evde|çocuk çocuklar cocuk|arkadaş arkadaşlar arkadaşım|masa masada masalar|toplantı toplantılar toplanti',
  },
  Romanian: {
    sentence: 'Ieri am văzut și … pe stradă',
    forms:
      'casă case casa casele|prieten prieteni prietenii|mașină mașini masina|întâlnire întâlniri intalnire|copil copii copiii|oraș orașe orașul',
  },
  Russian: {
    sentence: 'Вчера мы тоже видели … на улице',
    forms:
      'книга книги книгу книгами|сервер сервера серверов|ёлка елка ёлки|красивый красивая красивые|читать читает читаем|друг друга друзья|город города городе|встреча встречи встреч',
  },
  Ukrainian: {
    sentence: 'Вчора ми теж бачили … на вулиці',
    forms:
      'книжка книжки книжку|місто міста|гарний гарна гарні|комп’ютер комп’ютери компютер|читати читаємо читає|пісня пісні|друг друга',
  },
  Greek: {
    sentence: 'Χθες είδαμε και … στην πόλη',
    forms:
      'δρόμος δρόμοι δρόμου δρομος|παιδί παιδιά παιδιών|βιβλίο βιβλία βιβλίου|όμορφος όμορφη όμορφο|γάτα γάτες|σπίτι σπίτια',
  },
  Arabic: {
    sentence: 'رأينا أمس … في الشارع',
    forms:
      'كتاب الكتاب كتابي والكتاب|اجتماع اجتماعات الاجتماعات|مدرسة المدرسة مدرسه|معلم المعلمون معلمين|سيارة سيارات السيارات|ملف ملفات|محمد مُحَمَّد|رسالة رسائل',
  },
  Hindi: {
    sentence: 'हमने कल … भी देखा था',
    forms: 'किताब किताबें किताबों|लड़का लड़के लड़कों|हिन्दी हिंदी|पढ़ना पढना|कमरा कमरे कमरों|बाग़ बाग',
  },
  Persian: {
    sentence: 'ما دیروز … را دیدیم',
    forms: 'کتاب کتاب‌ها کتاب‌های|خانه خانه‌ها|می‌خواهم میخواهم|كيف کیف|۱۲۳ 123',
  },
  Polish: {
    sentence: 'Wczoraj widzieliśmy też … na ulicy',
    forms: 'książka ksiazka|łódź lodz|błąd blad|żółty zolty|Kraków krakow',
  },
  Czech: {
    sentence: 'Včera jsme viděli také … na ulici',
    forms: 'kůň kun|schůzka schuzka|žlutý zluty|děti deti|příliš prilis',
  },
  Vietnamese: {
    sentence: 'Hôm qua chúng tôi cũng thấy … ở đây',
    forms: 'đường duong|Nguyễn nguyen|tiếng tieng|đẹp dep|phê phe',
  },
  Chinese: { sentence: '昨天我们也看到了…的消息', forms: '会议室|服务器|数据库|图书馆|火车票' },
  Japanese: { sentence: '昨日も…の話をしました', forms: '会議|サーバー ｻｰﾊﾞｰ|データベース ﾃﾞｰﾀﾍﾞｰｽ|図書館|電車' },
  Korean: { sentence: '어제 …를 보았습니다', forms: '회의|서버|비밀번호|도서관|기차' },
  Thai: { sentence: 'เมื่อวานเราเห็น…ที่นี่', forms: 'ภาษาไทย|ประชุม|รถไฟ|หนังสือ|๑๒๐ 120' },
};
