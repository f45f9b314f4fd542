import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highlightsOf, matchesTerms, parseSearchTerm } from '../../src/search/search-term.ts';
import { fold, isUnspaced, runsOf } from '../../src/search/tokenizer.ts';
import { hostileTexts, mixedTexts } from '../support/arbitrary-texts.ts';

const finds = (term: string, text: string): boolean => matchesTerms(text, parseSearchTerm(term));

describe('parseSearchTerm() and matchesTerms()', () => {
  it('find every substring with an unspaced character and without separators', () => {
    const substrings = fc.tuple(mixedTexts, fc.nat(), fc.integer({ min: 1, max: 8 })).map(([text, at, length]) => {
      const characters = Array.from(fold(text));
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

  it('find every whole word, whatever its case', () => {
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

  it('find no text that lacks a word or a substring', () => {
    fc.assert(
      fc.property(mixedTexts, mixedTexts, (text, term) => {
        const folded = fold(text);
        const runs = runsOf(fold(term));
        fc.pre(!runs.every((run) => folded.includes(run)));
        expect(finds(term, text)).toBe(false);
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

  it('read no more of a text than PostgreSQL can, starting at its beginning', () => {
    const terms = parseSearchTerm('漢字'.repeat(50_000));
    expect(terms).toHaveLength(1);
    expect(matchesTerms('漢字'.repeat(128), terms)).toBe(true);
    expect(parseSearchTerm('w '.repeat(50_000)).length).toBeLessThanOrEqual(32);
  });

  it('accept any text and any term', () => {
    fc.assert(
      fc.property(hostileTexts, hostileTexts, (text, term) => {
        const highlights = highlightsOf(text, parseSearchTerm(term));
        expect(highlights.filter((highlight) => !text.includes(highlight))).toEqual([]);
        expect(finds(term, text)).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('highlightsOf()', () => {
  it.each([
    ['hello', 'Hello, HELLO and hello!', ['Hello', 'HELLO', 'hello']],
    ['hello', 'ＨＥＬＬＯ', ['ＨＥＬＬＯ']],
    ['typescript', '東京TypeScript', ['TypeScript']],
    ['softhyphen', 'soft\u00adhyphen', ['soft\u00adhyphen']],
    ['会議', '今日の会議室', ['会議']],
    ['会', '今日の会議室', ['会']],
    ['会議 x', '会議 X', ['X', '会議']],
    ['absent', 'text', []],
  ])('%j in %j: %j', (term, text, expected) => {
    expect(highlightsOf(text, parseSearchTerm(term))).toEqual(expected);
  });
});
