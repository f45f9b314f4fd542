import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold, foldMarks, otherFormsOf } from '../../../src/search/analysis/fold.ts';
import { visitLexemes } from '../../../src/search/analysis/lexemes.ts';
import { createLexicon } from '../../../src/search/analysis/lexicon.ts';
import { beginningOf, tokensOf } from '../../../src/search/analysis/tokens.ts';
import { hostileTexts, spacedCharacters } from '../../support/arbitrary-texts.ts';

/** A lexicon without languages. It makes no stems. */
const lexicon = createLexicon([]);

function tokenize(text: string): { lexeme: string; position: number }[] {
  const tokens: { lexeme: string; position: number }[] = [];
  visitLexemes(text, lexicon, (lexeme, position, form) => {
    if (form === 'spelled') tokens.push({ lexeme, position });
  });
  return tokens.sort((a, b) => a.position - b.position);
}

const lexemesOf = (text: string): string[] => tokenize(text).map(({ lexeme }) => lexeme);
const EVERY_CHARACTER = Array.from({ length: 0x11_0000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

describe('fold()', () => {
  it('does not change folded text of any characters', () => {
    fc.assert(fc.property(hostileTexts, (text) => fold(fold(text)) === fold(text)));
    expect(EVERY_CHARACTER.filter((character) => fold(fold(character)) !== fold(character))).toEqual([]);
  });

  it('treats upper, lower and title case the same', () => {
    const differing = EVERY_CHARACTER.filter((character) => {
      const upper = character.toUpperCase();
      // Characters such as ß are not changed, because their upper case belongs to another word.
      return upper.toLowerCase() === character && fold(upper) !== fold(character);
    });
    expect(differing).toEqual([]);
  });

  it.each([
    ['ＨＥＬＬＯ', 'hello'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδος', 'ΟΔΟΣ'],
    ['J\u030cx', '\u01f0x'],
    ['e\u200d\u0301', 'é'],
    ['soft\u00adhyphen', 'softhyphen'],
    ['ｶﾞｽ', 'ガス'],
    ['ﬁn', 'fin'],
  ])('folds %j as %j', (text, other) => {
    expect(fold(text)).toBe(fold(other));
  });
});

describe('foldMarks()', () => {
  it('does not change text that it has folded', () => {
    const all = EVERY_CHARACTER.map(fold).join(' ');
    expect(foldMarks(foldMarks(all)) === foldMarks(all)).toBe(true);
    fc.assert(fc.property(hostileTexts, (text) => foldMarks(foldMarks(fold(text))) === foldMarks(fold(text))));
  });

  it.each([
    ['Café', 'cafe'],
    ['Straße', 'strasse'],
    ['Łódź', 'lodz'],
    ['Đà Nẵng', 'da nang'],
    ['smørrebrød', 'smorrebrod'],
    ['Ærø œuvre', 'aero oeuvre'],
    ['İstanbul ISPARTA ısparta', 'istanbul isparta isparta'],
    ['Þingvellir', 'thingvellir'],
    ['ёлка ЁЛКА', 'елка елка'],
    ['йод', 'йод'],
    ['за\u0301мок', 'замок'],
    ['Ελλάδα', 'ελλαδα'],
    ['مُحَمَّد', 'محمد'],
    ['العـــربية', 'العربيه'],
    ['أحمد إسلام آمن مستشفى', 'احمد اسلام امن مستشفي'],
    ['شَیء ۱۲۳', 'شيء 123'],
    ['שָׁלוֹם', 'שלום'],
    ['हिन्दी ज़रा', 'हिंदी जरा'],
    ['ガス', 'ガス'],
    ['한국', '한국'],
    ['ไทยกำ่', 'ไทยกำ่'],
  ])('folds %j to %j', (text, folded) => {
    expect(foldMarks(fold(text))).toBe(foldMarks(fold(folded)));
    if (!/[\u0e00-\u0e7f]/.test(text)) expect(foldMarks(fold(text))).toBe(folded.normalize('NFC'));
  });

  it('knows how letters with marks are written where the keyboard lacks them', () => {
    expect(otherFormsOf('köln')).toEqual(['koln', 'koeln']);
    expect(otherFormsOf('århus')).toEqual(['arhus', 'aarhus']);
    expect(otherFormsOf('cologne')).toEqual([]);
  });
});

describe('emoji', () => {
  it.each([
    ['👍', ['👍']],
    ['👍🏽', ['👍']],
    ['👩‍💻 👩🏿‍💻', ['👩‍💻', '👩‍💻']],
    ['❤️ ❤', ['❤', '❤']],
    ['🇩🇪🇫🇷', ['🇩🇪', '🇫🇷']],
    ['🏴󠁧󠁢󠁥󠁮󠁧󠁿', ['🏴󠁧󠁢󠁥󠁮󠁧󠁿']],
    ['👨‍👩‍👧‍👦go🚀', ['👨‍👩‍👧‍👦', 'go', '🚀']],
    ['1️⃣', ['1']],
    ['漢字👍', ['漢字', '👍']],
  ])('in %j are %j', (text, expected) => {
    expect(tokensOf(fold(text)).map((token) => token.text)).toEqual(expected);
  });
});

describe('tokensOf()', () => {
  it.each([
    ['foo_bar.tar.gz', 'foo bar tar gz'],
    ['https://example.org/a/b?c=d#e', 'https example org a b c d e'],
    ['mailto:bob+x@example.org', 'mailto bob x example org'],
    ['@alice:example.org #room:example.org', 'alice example org room example org'],
    ['!AbC:example.org $ev-ent', 'abc example org ev ent'],
    ['#hashtag v2.0.1 12:30', 'hashtag v2 0 1 12 30'],
  ])('cuts %j into its parts', (text, expected) => {
    expect(
      tokensOf(fold(text))
        .map((token) => token.text)
        .join(' '),
    ).toBe(expected);
  });
});

describe('visitLexemes()', () => {
  it('cuts spaced scripts into words', () => {
    expect(tokenize("Don't_panic, C3PO!")).toEqual([
      { lexeme: 'don', position: 1 },
      { lexeme: 't', position: 2 },
      { lexeme: 'panic', position: 3 },
      { lexeme: 'c3po', position: 4 },
    ]);
  });

  it('cuts scripts without spaces into overlapping pairs and the last character', () => {
    expect(tokenize('会議室 x')).toEqual([
      { lexeme: '会議', position: 1 },
      { lexeme: '議室', position: 2 },
      { lexeme: '室', position: 3 },
      { lexeme: 'x', position: 4 },
    ]);
  });

  it('keeps words next to an unspaced script', () => {
    expect(lexemesOf('東京TypeScript勉強')).toContain('typescript');
    expect(tokenize('あab𠮷cd').filter(({ lexeme }) => /^[a-z]+$/.test(lexeme))).toEqual([
      { lexeme: 'ab', position: 2 },
      { lexeme: 'cd', position: 5 },
    ]);
  });

  it('creates lexemes that need no quotes, at positions that PostgreSQL can store, for any text', () => {
    fc.assert(
      fc.property(hostileTexts, (text) => {
        for (const { lexeme, position } of tokenize(text.toWellFormed())) {
          expect(lexeme).toMatch(/^[^\s'":\\\0-\x20]+$/);
          expect(Buffer.byteLength(lexeme)).toBeLessThan(2_046);
          expect(position).toBeGreaterThanOrEqual(1);
          expect(position).toBeLessThanOrEqual(16_383);
        }
      }),
    );
  });

  it('stops at the limit for texts that become longer when folded', () => {
    for (const character of ['ﷺ', '㌀', 'ﷻ a', 'あa', '会']) {
      const tokens = tokenize(character.repeat(16_000).slice(0, 16_000));
      expect(Math.max(...tokens.map(({ position }) => position))).toBeLessThanOrEqual(16_383);
    }
  });

  // If the work grew with the square of the length, this test would time out.
  it('processes a long text with alternating scripts', () => {
    expect(tokenize('あa'.repeat(100_000)).length).toBeGreaterThan(0);
  });

  it('finds a word in any case and width', () => {
    fc.assert(
      fc.property(fc.array(spacedCharacters, { minLength: 1, maxLength: 12 }), (characters) => {
        const word = characters.filter((character) => character.toUpperCase().toLowerCase() === character).join('');
        expect(lexemesOf(word.toUpperCase())).toEqual(lexemesOf(word));
        const wide = word.replaceAll(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
        expect(lexemesOf(wide)).toEqual(lexemesOf(word));
      }),
    );
  });

  it('cuts long words the same way in texts and queries, and never in a surrogate pair', () => {
    for (const word of [
      'x'.repeat(2_048),
      '𝟘x'.repeat(800),
      '𐐨'.repeat(600),
      `y${'𐐨'.repeat(600)}`,
      'ж'.repeat(2_000),
    ]) {
      const [lexeme = '', ...others] = lexemesOf(word);
      expect(others).toEqual([]);
      expect(lexeme.isWellFormed() && !lexeme.includes('\ufffd')).toBe(true);
      expect(lexeme.length).toBeLessThanOrEqual(255);
      expect(lexemesOf(word.toUpperCase())).toEqual([lexeme]);
    }
  });
});

describe('beginningOf()', () => {
  it('is the longest beginning that fits, without cutting a surrogate pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.integer({ min: 1, max: 24 }), (text, length) => {
        const beginning = beginningOf(text, length);
        expect(text.startsWith(beginning)).toBe(true);
        expect(beginning.isWellFormed()).toBe(true);
        expect(beginning.length).toBeLessThanOrEqual(length);
        expect(beginning.length).toBeGreaterThanOrEqual(Math.min(text.length, length - 1));
      }),
    );
  });
});
