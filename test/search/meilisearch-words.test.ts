import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MatrixError } from '../../src/errors.ts';
import type { EventId, RoomId } from '../../src/ids.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { type Cursor, decodeCursor, encodeCursor } from '../../src/search/meilisearch/cursor.ts';
import { documentId, lineOf, roomKey } from '../../src/search/meilisearch/documents.ts';
import { filterOf } from '../../src/search/meilisearch/query.ts';
import { engineWord, engineWordsOf } from '../../src/search/meilisearch/words.ts';
import { hostileQueries } from '../support/arbitrary-texts.ts';
import { passes } from '../support/meilisearch-double/filter.ts';
import { parseFilter } from '../support/meilisearch-double/filter-parser.ts';
import { documentOf } from './meilisearch-index.ts';

const script = fc.constantFrom(...Array.from('ab9Zé東京都のはㅋ한국어สวัжИ́ﬁＡ々ー𠮷 .-"<>\u200d\ud83d\0'));
const texts = fc.oneof(fc.string({ unit: script, maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));

const analysis = createAnalysis();
/** Pieces of query syntax that are put between generated texts. */
const SYNTAX = ['', '"', '-', ' OR ', '*', ' -"', '" '];

it('passes every text that matches', () => {
  let matching = 0;
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(), fc.constantFrom(...SYNTAX), (text, from, length, syntax) => {
      const characters = Array.from(text);
      const start = from % (characters.length + 1);
      const query = `${syntax}${characters.slice(start, start + 1 + (length % 6)).join('')}${syntax.trim()}`;
      const expression = analysis.parse(query);
      if (expression === undefined || !analysis.matches(text, expression)) return;
      matching += 1;
      const filter = filterOf(expression);
      expect(passes(parseFilter(filter ?? '', 'x'), { lexemes: engineWordsOf(text, analysis) })).toBe(true);
    }),
    { numRuns: 3_000 },
  );
  expect(matching).toBeGreaterThan(500);
});

it('makes values that the engine neither cuts nor folds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (lexeme) => {
      expect(engineWord(lexeme)).toMatch(/^[a-z0-9_]{1,200}$/);
    }),
  );
  expect(engineWord('hello')).toBe('hello');
  expect(engineWord('東京')).toBe('_67714eac');
});

it('makes filters that the engine reads, whatever is searched for', () => {
  const filters = new Set<string>();
  fc.assert(
    fc.property(hostileQueries, (query) => {
      const expression = analysis.parse(query);
      if (expression === undefined) return;
      const filter = filterOf(expression) ?? '';
      parseFilter(filter, 'x');
      filters.add(filter);
    }),
    { numRuns: 10_000 },
  );
  expect(filters.size).toBeGreaterThan(1_000);
});

it('writes documents that every JSON parser accepts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
      const line = lineOf(documentOf(1, `${text}\ud800`), analysis);
      expect(line).not.toContain('\n');
      expect(JSON.parse(line)).toMatchObject({ body: `${text}\ud800`.toWellFormed(), stream: 1 });
      expect(JSON.parse(line).lexemes.join(' ')).toMatch(/^[a-z0-9_ ]*$/);
    }),
  );
});

it('creates legal, reversible document ids, and room keys without upper-case letters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      const id = documentId(`$${text}` as EventId);
      expect(id).toMatch(/^[A-Za-z0-9_-]{1,511}$/);
      expect(Buffer.from(id, 'base64url').toString('utf8')).toBe(`$${text}`);
      expect(roomKey(`!${text}` as RoomId)).toMatch(/^r[0-9a-f]{64}$/);
    }),
  );
  expect(documentId(`$${'x'.repeat(254)}` as EventId)).toHaveLength(340);
  expect(roomKey('!Room:a' as RoomId)).not.toBe(roomKey('!room:a' as RoomId));
});

it('decodes its own cursors, and refuses everything else', () => {
  const cursors: fc.Arbitrary<Cursor> = fc.record({
    count: fc.nat(),
    at: fc.oneof(
      fc.record({ order: fc.constant('rank' as const), newest: fc.nat(), start: fc.nat(), seen: fc.nat() }),
      fc.record({
        order: fc.constant('recent' as const),
        stream: fc.nat(),
        seen: fc.array(fc.string(), { maxLength: 5 }),
      }),
    ),
  });
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(decodeCursor(encodeCursor(cursor), cursor.at.order)).toEqual(cursor);
      const other = cursor.at.order === 'rank' ? 'recent' : 'rank';
      expect(() => decodeCursor(encodeCursor(cursor), other)).toThrow(MatrixError);
    }),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => Buffer.from(json).toString('base64url')),
      ),
      (after) => {
        for (const order of ['recent', 'rank'] as const) expect(() => decodeCursor(after, order)).toThrow(MatrixError);
      },
    ),
  );
});
