import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { searchableText } from '../../src/search/document.ts';
import { tsqueryOf, tsvectorOf } from '../../src/search/postgres/lexemes.ts';
import { hostileQueries, hostileTexts, mixedTexts } from '../support/arbitrary-texts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const analysis = createAnalysis();
const vectorOf = (text: string): string => tsvectorOf(text, analysis);

/** Translates a query. Fails if the query asks for nothing. */
function queryOf(query: string): string {
  const expression = analysis.parse(query);
  return expression === undefined ? "'\ue0ff'" : tsqueryOf(expression);
}

let database: TestDatabase;
let db: Knex;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});

afterAll(() => database.drop());

async function lexemesInPostgres(vector: string): Promise<Map<string, number[]>> {
  const { rows } = await db.raw('SELECT lexeme, positions FROM unnest(CAST(? AS tsvector))', [vector]);
  return new Map(rows.map((row: { lexeme: string; positions: number[] }) => [row.lexeme, row.positions]));
}

function lexemesHere(text: string): Map<string, number[]> {
  const lexemes = new Map<string, Set<number>>();
  analysis.visitLexemes(text, (lexeme, position) => {
    lexemes.set(lexeme, (lexemes.get(lexeme) ?? new Set()).add(position));
  });
  return new Map([...lexemes].map(([lexeme, positions]) => [lexeme, [...positions].sort((a, b) => a - b)]));
}

describe('tsvectorOf()', () => {
  it('is parsed correctly by PostgreSQL for any text', async () => {
    await fc.assert(
      fc.asyncProperty(hostileTexts, async (hostile) => {
        const text = searchableText(hostile) ?? '';
        expect(await lexemesInPostgres(vectorOf(text))).toEqual(lexemesHere(text));
      }),
      { numRuns: 300 },
    );
  });

  it('is parsed by PostgreSQL for every letter, mark and digit of Unicode', async () => {
    const characters = Array.from({ length: 0x11_0000 }, (_, code) => code)
      .filter((code) => code < 0xd800 || code > 0xdfff)
      .map((code) => String.fromCodePoint(code))
      .filter((character) => /[\p{L}\p{M}\p{N}]/u.test(character));
    for (let start = 0; start < characters.length; start += 3_000) {
      const text = characters.slice(start, start + 3_000).join(' ');
      expect((await lexemesInPostgres(vectorOf(text))).size).toBe(lexemesHere(text).size);
    }
  });

  it.each([
    [
      '16,000 different words',
      Array.from({ length: 4_000 }, (_, index) => index.toString(36).padStart(3, 'q')).join(' '),
    ],
    [
      'Chinese of the longest size',
      Array.from({ length: 16_000 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join(''),
    ],
    ['words of 2 KiB', `${'x'.repeat(2_048)} ${'ж'.repeat(2_048)} ${'𐐨'.repeat(1_024)}`],
    ['alternating scripts', 'あa'.repeat(8_000)],
    ['ligatures of many letters', 'ﷺ'.repeat(16_000)],
    ['emoji', '👩‍👩‍👧🦊'.repeat(1_000)],
    ['marks alone', '\u0301'.repeat(16_000)],
  ])('is parsed by PostgreSQL for %s', async (_, hostile) => {
    const text = searchableText(hostile) ?? '';
    expect(
      [...(await lexemesInPostgres(vectorOf(text))).keys()].filter((lexeme) => lexeme !== '\ue001').sort(),
    ).toEqual([...lexemesHere(text).keys()].sort());
  });
});

describe('tsqueryOf()', () => {
  const pairs = fc.oneof(
    fc.tuple(mixedTexts, mixedTexts),
    fc.tuple(hostileTexts, hostileTexts),
    fc.tuple(mixedTexts, hostileQueries),
    fc.tuple(hostileQueries, hostileQueries),
    // Generate search terms that are a part of the text.
    fc.tuple(mixedTexts, fc.nat(), fc.nat({ max: 10 })).map(([text, at, length]): [string, string] => {
      const start = at % (text.length + 1);
      return [text, text.slice(start, start + length)];
    }),
  );

  it.each([
    ['a phrase behind the positions that PostgreSQL keeps', `${'漢字、'.repeat(300)}漢字山`, '漢字山', true],
    ['a phrase of a character repeated too often', `山${'哈'.repeat(400)}川`, '哈哈川', true],
    ['nothing that a repetitive text lacks', `${'漢字、'.repeat(300)}字川`, '漢字山', false],
    ['a phrase in order only, in other texts', `${'漢字、'.repeat(200)}字山`, '漢字山', false],
  ])('finds %s', async (_, text, term, expected) => {
    const { rows } = await db.raw('SELECT CAST(? AS tsvector) @@ CAST(? AS tsquery) AS found', [
      vectorOf(text),
      queryOf(term),
    ]);
    expect(rows[0].found).toBe(expected);
  });

  it('is read by PostgreSQL, whatever 10,000 users type', async () => {
    const queries = fc.sample(hostileQueries, 10_000).map(queryOf);
    expect(new Set(queries).size).toBeGreaterThan(1_000);
    const { rows } = await db.raw(
      'SELECT count(CAST(? AS tsvector) @@ CAST(query AS tsquery))::int AS answers FROM unnest(CAST(? AS text[])) AS query',
      [vectorOf('OR a word, -café "漢字" 👍'), queries],
    );
    expect(rows[0].answers).toBe(10_000);
  });

  it('finds in PostgreSQL what matches() finds, and nothing else', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(pairs, async ([hostile, term]) => {
        const text = searchableText(hostile) ?? '';
        const expression = analysis.parse(term);
        const { rows } = await db.raw('SELECT CAST(? AS tsvector) @@ CAST(? AS tsquery) AS found', [
          vectorOf(text),
          queryOf(term),
        ]);
        expect(rows[0].found).toBe(expression !== undefined && analysis.matches(text, expression));
        if (rows[0].found) found += 1;
      }),
      { numRuns: 600 },
    );
    expect(found).toBeGreaterThan(30);
  });
});
