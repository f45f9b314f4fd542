import type { Expectations } from './expectations.ts';

/**
 * Expected results in languages for which the search has no stemming. A search finds words as they are spelled, but ignores
 * marks such as accents.
 */
export const SPELLED_LANGUAGES: Readonly<Record<string, Expectations>> = {
  Polish: {
    texts: ['Zażółć gęślą jaźń, powiedział Łukasz', 'Jutro jadę pociągiem do Łodzi'],
    finds: { zazolc: [0], 'GĘŚLĄ JAŹŃ': [0], lukasz: [0], lodzi: [1], pociagiem: [1], 'poci*': [1] },
  },
  Czech: {
    texts: ['Příliš žluťoučký kůň úpěl ďábelské ódy', 'Zítra přijedu vlakem z Brna'],
    finds: { prilis: [0], kun: [0], 'zlutoucky kůň': [0], zitra: [1], '"vlakem z brna"': [1] },
  },
  Vietnamese: {
    texts: ['Tôi sống ở Đà Nẵng, gần bãi biển', 'Hôm nay trời đẹp quá, đi uống cà phê nhé'],
    finds: { 'da nang': [0], 'Đà Nẵng': [0], 'ca phe': [1], '"cà phê"': [1], dep: [1], uong: [1] },
  },
  Persian: {
    texts: ['این کتاب‌ها را به کتابخانه ببر', 'شماره ۱۲۳ روی در نوشته شده'],
    finds: { كتابخانه: [0], کتابخانه: [0], کتاب: [0], کتاب‌ها: [0], کتابها: [0], '123': [1], '۱۲۳': [1], شماره: [1] },
  },
  Hebrew: {
    texts: ['שָׁלוֹם לכולם, מה נשמע?', 'הספר נמצא על השולחן'],
    finds: { שלום: [0], שָׁלוֹם: [0], הספר: [1], '"על השולחן"': [1], ספ: [] },
  },
  Thai: {
    texts: ['ภาษาไทยไม่ยากอย่างที่คิด', 'ประชุมวันจันทร์ตอนเก้าโมง', 'ราคา๑๒๐บาท'],
    finds: { ไทย: [0], ภาษา: [0], ประชุม: [1], จันทร์: [1], '120': [2], '๑๒๐': [2], บาท: [2] },
  },
  Chinese: {
    texts: ['今天下午三点在会议室开会', '服务器昨晚又重启了，日志没有报错', '请把PostgreSQL升级到16版本'],
    finds: {
      会议: [0],
      议会: [],
      服务器: [1],
      '服务器 日志': [1],
      '"重启了"': [1],
      postgresql: [2],
      '会议 OR 日志': [0, 1],
    },
  },
  Japanese: {
    texts: ['明日の会議は三時からです', 'サーバーのログを確認してください', 'ﾃﾞｰﾀﾍﾞｰｽを移行した'],
    finds: { 会議: [0], 会: [0], サーバー: [1], 'ログ 確認': [1], データベース: [2], '明日 -サーバー': [0] },
  },
  Korean: {
    texts: ['오늘 회의는 세 시에 시작합니다', '서버가 어젯밤에 꺼졌어요'],
    finds: { 회의: [0], '회의 시작': [0], 의회: [], 서버: [1], '서버 -회의': [1] },
  },
};
