import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnalysis } from '../../../src/search/analysis/analysis.ts';
import { isUnspaced, runsOf } from '../../../src/search/analysis/characters.ts';
import { fold, foldMarks } from '../../../src/search/analysis/fold.ts';
import { hostileTexts, mixedTexts } from '../../support/arbitrary-texts.ts';

const analysis = createAnalysis();

function finds(query: string, text: string): boolean {
  const expression = analysis.parse(query);
  return expression !== undefined && analysis.matches(text, expression);
}

function highlightsOf(query: string, text: string): readonly string[] {
  const expression = analysis.parse(query);
  return expression === undefined ? [] : analysis.highlights(text, expression);
}

describe('matches()', () => {
  it('finds every substring of one character or more that has an unspaced character and no separator', () => {
    const substrings = fc.tuple(mixedTexts, fc.nat(), fc.integer({ min: 1, max: 8 })).map(([text, at, length]) => {
      const characters = Array.from(foldMarks(fold(text)));
      const start = characters.length === 0 ? 0 : at % characters.length;
      return { text, substring: characters.slice(start, start + length).join('') };
    });
    fc.assert(
      fc.property(substrings, ({ text, substring }) => {
        fc.pre(isUnspaced(substring) && runsOf(substring)[0] === substring);
        expect(finds(substring, text)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds every whole word, whatever its case', () => {
    fc.assert(
      fc.property(mixedTexts, (text) => {
        for (const run of runsOf(fold(text))) {
          expect(finds(run, text)).toBe(true);
          if (run.toUpperCase().toLowerCase() === run) expect(finds(run.toUpperCase(), text)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds no text that lacks a substring of an unspaced script', () => {
    fc.assert(
      fc.property(mixedTexts, mixedTexts, (text, term) => {
        const folded = foldMarks(fold(text));
        const lacking = runsOf(foldMarks(fold(term))).find((run) => isUnspaced(run) && !folded.includes(run));
        fc.pre(lacking !== undefined);
        expect(finds(lacking ?? '', text)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['ell', 'hello', false],
    ['b', 'あab', false],
    ['ab', 'あab', true],
    ['ab', '会abc議', false],
    ['会', '社会', true],
    ['社', '社会', true],
    ['会社', '社会', false],
    ['a会', 'ba会', true],
    ['', 'x', false],
    ['?!', 'x?!', false],
    ['ΟΔΟΣ', 'οδος', true],
    ['οδοσ', 'ΟΔΟΣ', true],
  ])('%j in %j: %j', (term, text, expected) => {
    expect(finds(term, text)).toBe(expected);
  });

  it('reads a long text only as far as PostgreSQL stores positions, from the beginning', () => {
    expect(finds('漢字'.repeat(50_000), '漢字'.repeat(128))).toBe(true);
    expect(finds('w '.repeat(50_000), 'w')).toBe(true);
  });

  it('takes any text and any query', () => {
    fc.assert(
      fc.property(hostileTexts, hostileTexts, (text, term) => {
        const highlights = highlightsOf(term, text);
        expect(highlights.filter((highlight) => !text.includes(highlight))).toEqual([]);
        expect(finds(term, text)).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('highlights()', () => {
  it.each([
    ['hello', 'Hello, HELLO and hello!', ['Hello', 'HELLO', 'hello']],
    ['hello', 'ＨＥＬＬＯ', ['ＨＥＬＬＯ']],
    ['typescript', '東京TypeScript', ['TypeScript']],
    ['softhyphen', 'soft\u00adhyphen', ['soft\u00adhyphen']],
    ['会議', '今日の会議室', ['会議']],
    ['会', '今日の会議室', ['会']],
    ['会議 x', '会議 X', ['会議', 'X']],
    ['データ', 'ﾃﾞｰﾀﾍﾞｰｽ', ['ﾃﾞｰﾀ']],
    ['用github', '我们用GitHub管理', ['用GitHub']],
    ["don't", 'I Don’t', ['Don’t']],
    ['dont', 'I Don’t', ['Don’t']],
    ['email', 'an e-mail', ['e-mail']],
    ['mail', 'an e-mail', ['mail']],
    ['комп’ютери', "Мій комп'ютер", ["комп'ютер"]],
    ['120', 'ราคา๑๒๐บาท', ['๑๒๐']],
    ['👍', 'ok 👍🏽 👩‍💻', ['👍🏽']],
    ['run', 'Running, runs; rung', ['Running', 'runs']],
    ['absent', 'text', []],
  ])('%j in %j: %j', (term, text, expected) => {
    expect(highlightsOf(term, text)).toEqual(expected);
  });
});
