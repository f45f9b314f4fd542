import type { SearchParams } from 'meilisearch';
import type { RoomId } from '../../ids.ts';
import type { SearchExpression, SearchLexeme } from '../analysis/expression.ts';
import type { SearchKey } from '../search-index.ts';
import { roomKey } from './documents.ts';
import { engineWord, engineWordStarts } from './words.ts';

/**
 * Maximum number of rooms in a filter. For a search in more rooms, Meilisearch does not filter by room, because it is faster if
 * the adapter skips the hits in other rooms.
 */
const MAX_FILTERED_ROOMS = 400;
/** Maximum number of parts of a phrase in the filter. The adapter checks all parts in the text of each hit. */
const MAX_PHRASE_PARTS = 200;

/**
 * Translates an expression into a filter for Meilisearch. The filter passes all texts that match, and some texts that do not
 * match, because filters cannot check the order of words or distinguish words from stems. The adapter therefore checks the text
 * of each hit. The result `undefined` means that no filter is possible, and all texts pass.
 */
export function filterOf(expression: SearchExpression): string | undefined {
  switch (expression.kind) {
    case 'lexeme':
      return anyLexeme([expression]);
    case 'phrase': {
      const parts = expression.parts.slice(0, MAX_PHRASE_PARTS).map(({ any }) => anyLexeme(any));
      return joined('AND', [...new Set(parts)]);
    }
    case 'all':
      return joined(
        'AND',
        expression.of.map(filterOf).filter((filter) => filter !== undefined),
      );
    case 'any':
      return anyFilter(expression.of);
    case 'not': {
      const filter = isPrecise(expression.of) ? filterOf(expression.of) : undefined;
      return filter === undefined ? undefined : `NOT (${filter})`;
    }
  }
}

function anyFilter(of: readonly SearchExpression[]): string | undefined {
  const lexemes = of.filter((one) => one.kind === 'lexeme');
  const others = of.filter((one) => one.kind !== 'lexeme').map(filterOf);
  if (others.some((filter) => filter === undefined)) return undefined;
  return joined('OR', [
    ...(lexemes.length > 0 ? [anyLexeme(lexemes)] : []),
    ...others.filter((one) => one !== undefined),
  ]);
}

function anyLexeme(lexemes: readonly SearchLexeme[]): string {
  const whole = lexemes.filter(({ isPrefix }) => !isPrefix).map(({ lexeme }) => engineWord(lexeme));
  const starts = lexemes.filter(({ isPrefix }) => isPrefix).flatMap(({ lexeme }) => engineWordStarts(lexeme));
  const filters = starts.map((start) => `lexemes STARTS WITH ${start}`);
  return joined('OR', whole.length > 0 ? [inFilter('lexemes', whole), ...filters] : filters) ?? '';
}

function joined(operator: 'AND' | 'OR', filters: readonly string[]): string | undefined {
  if (filters.length <= 1) return filters[0];
  return filters.map((filter) => `(${filter})`).join(` ${operator} `);
}

/** Tells whether the filter of an expression passes only texts that match. */
function isPrecise(expression: SearchExpression): boolean {
  switch (expression.kind) {
    case 'lexeme':
      return !expression.isPrefix && !expression.isExact;
    case 'all':
    case 'any':
      return expression.of.every(isPrecise);
    default:
      return false;
  }
}

/**
 * Returns `attribute IN [values]`. The values need no quotes, because they consist of ASCII letters, digits, dots and
 * underscores.
 */
export function inFilter(attribute: string, values: readonly string[]): string {
  return `${attribute} IN [${values.join(', ')}]`;
}

/**
 * Tells whether Meilisearch filters hits by room. If it does not, Meilisearch's estimate of the number of hits also counts hits
 * in other rooms.
 */
export function filtersRooms(rooms: readonly RoomId[]): boolean {
  return rooms.length <= MAX_FILTERED_ROOMS;
}

/** The rooms and fields in which a search looks. */
interface Scope {
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
}

/**
 * Returns the parameters of a request for matching documents, newest first. `range.newest` is the highest stream position of
 * these documents. Meilisearch filters and sorts the documents, but does not rank them.
 */
export function paramsOf(
  { rooms, keys }: Scope,
  expression: SearchExpression,
  range: { readonly newest?: number | undefined; readonly offset?: number; readonly limit: number },
): SearchParams {
  const filter = [inFilter('key', keys)];
  if (filtersRooms(rooms)) filter.push(inFilter('room_key', rooms.map(roomKey)));
  if (range.newest !== undefined) filter.push(`stream <= ${range.newest}`);
  const words = filterOf(expression);
  if (words !== undefined) filter.push(words);
  return {
    filter,
    limit: range.limit,
    sort: ['stream:desc'],
    attributesToRetrieve: ['event_id', 'room_id', 'sender', 'stream', 'key', 'body'],
    ...(range.offset === undefined ? {} : { offset: range.offset }),
  };
}
