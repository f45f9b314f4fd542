/**
 * Parts of sentences in one language. A sentence consists of one part from each list, with `space` between the parts and `stop`
 * at the end.
 */
export interface SampleLanguage {
  readonly name: string;
  /** Percentage of messages in this language. */
  readonly share: number;
  readonly space: string;
  readonly stop: string;
  readonly parts: readonly (readonly string[])[];
}

const words = (text: string): string[] => text.split('|');

const ENGLISH: SampleLanguage = {
  name: 'English',
  share: 60,
  space: ' ',
  stop: '. ',
  parts: [
    words(
      'I think|Just so you know,|By the way|It turns out|Good news:|Careful,|Apparently|As far as I can tell|' +
        'To be honest|Quick question:|Last night|On Monday|After lunch|Since yesterday|Again,|Sorry,|Finally|For now',
    ),
    words(
      'the backup|our gardener|the new printer|my neighbour|the release branch|somebody|the night train|her manuscript|' +
        'the search index|a lighthouse keeper|the translation|this kettle|the whole orchestra|our landlord|the migration|' +
        'the blue bicycle|the coffee machine|that old telescope|the database|the deployment|my grandmother|the committee',
    ),
    words(
      'needs|has finished|could not find|will arrive before|reminds me of|is waiting for|has broken|quietly replaced|' +
        'depends on|was looking for|cannot start without|has forgotten|keeps asking about|should be ready for|survived',
    ),
    words(
      'another cup of tea|the quarterly report|a handful of screws|the harbour festival|fifteen minutes of silence|' +
        'the wrong certificate|a slice of lemon cake|the spare battery|all the photographs|the last ferry home|' +
        'two more reviewers|the lost umbrella|a warm pair of socks|the missing semicolon|fresh strawberries|' +
        'the railway timetable|a proper explanation|the weather forecast|the upstairs window|a second opinion',
    ),
  ],
};

const GERMAN: SampleLanguage = {
  name: 'German',
  share: 10,
  space: ' ',
  stop: '. ',
  parts: [
    words('Übrigens|Heute früh|Vermutlich|Leider|Zum Glück|Seit gestern|Nächste Woche|Wie besprochen|Meinetwegen'),
    words('braucht|vergisst|sucht|repariert|bestellt|übersetzt|verschiebt|findet|bewacht|zeichnet'),
    words(
      'der Schlüsseldienst|unsere Nachbarin|die Straßenbahnfahrerin|der Bäcker|das Orchester|mein Großvater|' +
        'die Datenbank|der Vermieter|die Übersetzerin|der Leuchtturmwärter',
    ),
    words(
      'die Frühstücksbrötchen|einen größeren Kühlschrank|das Gästezimmer|den Regenschirm|die Fahrradkette|' +
        'keinen einzigen Löffel|den Dachboden|die Rechnung vom März|das Käsefondue|den Geburtstagskuchen',
    ),
  ],
};

const FRENCH: SampleLanguage = {
  name: 'French',
  share: 7,
  space: ' ',
  stop: '. ',
  parts: [
    words('Ce matin|À mon avis|Finalement|Hélas|Comme prévu|Depuis hier|En été|Sans blague|Bien sûr'),
    words(
      'la boulangère|notre voisin|le facteur|ma sœur|le chef de gare|l’équipe du soir|le jardinier|la bibliothécaire',
    ),
    words('a retrouvé|prépare|cherche toujours|a oublié|déplace|répare|attend|photographie'),
    words(
      'la clé de la cave|un gâteau aux noisettes|le dernier métro|les fenêtres du grenier|une théière ébréchée|' +
        'le marché aux fleurs|l’horaire des bateaux|un vieux dictionnaire|des chaussettes dépareillées',
    ),
  ],
};

const RUSSIAN: SampleLanguage = {
  name: 'Russian',
  share: 7,
  space: ' ',
  stop: '. ',
  parts: [
    words('Кстати,|Сегодня утром|Похоже,|К счастью,|Вчера вечером|Как обычно,|Наконец|Говорят,'),
    words('наш сосед|библиотекарь|старый капитан|моя тётя|ночной сторож|учительница|весь оркестр|садовник'),
    words('ищет|починил|забыл|рисует|ждёт|перевёл|принёс|проверяет'),
    words(
      'синий велосипед|расписание поездов|горячий чай|резервную копию|потерянный зонт|письмо из Вологды|' +
        'корзину клубники|карту острова|новый чайник',
    ),
  ],
};

const CHINESE: SampleLanguage = {
  name: 'Chinese',
  share: 8,
  space: '',
  stop: '。',
  parts: [
    words('昨天晚上|今天早上|顺便说一下，|幸好|据说|下个星期|刚才|其实|终于|听起来'),
    words('邻居|图书管理员|我们的团队|老船长|数据库|搜索引擎|园丁|那位翻译|面包师|夜班司机|我奶奶|委员会'),
    words('找到了|正在等待|忘记了|修好了|想要|替换了|离不开|画出了|检查了|错过了'),
    words(
      '蓝色的自行车|最后一班渡轮|季度报告|丢失的雨伞|一杯热茶|新的备份|火车时刻表|柠檬蛋糕|天气预报|楼上的窗户|' +
        '草莓果酱|旧望远镜|生日礼物',
    ),
  ],
};

const JAPANESE: SampleLanguage = {
  name: 'Japanese',
  share: 5,
  space: '',
  stop: '。',
  parts: [
    words('昨日の夜、|今朝、|ちなみに|幸いにも|来週の会議で|たぶん|さっき|実は|ようやく'),
    words('隣の人が|図書館員が|データベースが|駅長が|祖母が|庭師が|翻訳者が|チームのみんなが|パン屋さんが'),
    words(
      '青い自転車を|最終のフェリーを|四半期の報告書を|なくした傘を|温かいお茶を|新しいバックアップを|時刻表を|' +
        'レモンケーキを|古い望遠鏡を|いちごジャムを',
    ),
    words('見つけました|待っています|忘れました|直しました|欲しがっています|確認しました|描きました|運びました'),
  ],
};

const KOREAN: SampleLanguage = {
  name: 'Korean',
  share: 3,
  space: ' ',
  stop: '. ',
  parts: [
    words('어젯밤에|오늘 아침에|그런데|다행히|다음 주에|아마도|방금|사실|드디어'),
    words('이웃이|사서가|우리 팀이|할머니가|정원사가|번역가가|데이터베이스가|역장이|제빵사가'),
    words(
      '파란 자전거를|마지막 배를|분기 보고서를|잃어버린 우산을|따뜻한 차를|새 백업을|기차 시간표를|레몬 케이크를|' +
        '오래된 망원경을|딸기잼을',
    ),
    words('찾았습니다|기다리고 있습니다|잊었습니다|고쳤습니다|원합니다|확인했습니다|그렸습니다|옮겼습니다'),
  ],
};

/** The languages of the sample messages. The sum of their shares is 100. */
export const SAMPLE_LANGUAGES: readonly [SampleLanguage, ...SampleLanguage[]] = [
  ENGLISH,
  GERMAN,
  FRENCH,
  RUSSIAN,
  CHINESE,
  JAPANESE,
  KOREAN,
];
