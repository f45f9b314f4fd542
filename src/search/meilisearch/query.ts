import type { SearchParams } from 'meilisearch';
import type { RoomId } from '../../ids.ts';
import type { SearchKey, SearchOrder } from '../search-index.ts';
import type { SearchTerm } from '../search-term.ts';
import type { Cursor } from './cursor.ts';
import { roomKey } from './documents.ts';
import { engineWord } from './words.ts';

/** Maximum number of rooms in a filter. For more rooms, the filter costs more than skipping the hits of other rooms. */
const MAX_FILTERED_ROOMS = 400;
/** Meilisearch reads at most ten words of a query. A phrase counts as one word. */
const MAX_PHRASES = 10;
/** Maximum number of words of a phrase in the query. The text of each hit is checked for the other words. */
const MAX_PHRASE_WORDS = 200;

/**
 * A query that matches at least all texts that contain all terms. Each term is a quoted phrase: Meilisearch takes it
 * literally, and with `byAttribute` its words may be in any order. The last phrase holds the terms beyond the limit.
 */
export function queryOf(terms: readonly SearchTerm[]): string {
  const phrases = terms.map((term) => wordsOf(term));
  const [own, rest] = [phrases.slice(0, MAX_PHRASES - 1), phrases.slice(MAX_PHRASES - 1).flat()];
  return [...own, rest]
    .filter((words) => words.length > 0)
    .map((words) => `"${[...new Set(words)].slice(0, MAX_PHRASE_WORDS).join(' ')}"`)
    .join(' ');
}

function wordsOf(term: SearchTerm): string[] {
  if (term.kind === 'word') return [engineWord(term.lexeme)];
  return term.kind === 'character' ? [engineWord(term.character)] : term.lexemes.map(engineWord);
}

/** `attribute IN [values]`. The values consist of ASCII letters, digits, dots and underscores. */
export function inFilter(attribute: string, values: readonly string[]): string {
  return `${attribute} IN [${values.join(', ')}]`;
}

/** Whether the engine filters hits by room. If not, its estimate also counts hits in other rooms. */
export function filtersRooms(rooms: readonly RoomId[]): boolean {
  return rooms.length <= MAX_FILTERED_ROOMS;
}

/** The restrictions of a search. */
interface Scope {
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
}

export function paramsOf({ rooms, keys, order }: Scope, at: Cursor['at'], limit: number): SearchParams {
  const filter = [inFilter('key', keys)];
  if (filtersRooms(rooms)) filter.push(inFilter('room_key', rooms.map(roomKey)));
  if (at.order === 'recent' && at.stream !== undefined) filter.push(`stream <= ${at.stream}`);
  return {
    filter,
    limit,
    matchingStrategy: 'all',
    locales: ['eng'],
    attributesToRetrieve: ['event_id', 'room_id', 'sender', 'stream', 'key', 'body'],
    showRankingScore: true,
    ...(order === 'recent' ? { sort: ['stream:desc'] } : {}),
    ...(at.order === 'rank' ? { offset: at.offset } : {}),
  };
}
