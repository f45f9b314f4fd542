import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type {
  SearchDocument,
  SearchHit,
  SearchIndex,
  SearchKey,
  SearchPage,
  SearchQuery,
  SearchWrites,
} from '../../search/search-index.ts';

/** A search index to test, and the functions that the tests need. */
export interface IndexUnderTest {
  /** The index. It is started and empty. */
  readonly index: SearchIndex;
  /**
   * Runs work in a transaction of the database that contains the index. If the index is outside the database, the transaction
   * can be any object.
   */
  readonly transaction: <T>(work: (transaction: Knex.Transaction) => Promise<T>) => Promise<T>;
  /** Stops the index, and removes everything that it has created. */
  readonly close: () => Promise<void>;
}

/** The functions of a test runner such as vitest or `node:test`. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

/** Defines a test. Each test gets an index of its own. */
export type IndexTest = (name: string, body: (tested: Tested) => Promise<void>) => void;

/** An index under test, with shortcuts for calls that tests make often. */
export interface Tested {
  readonly index: SearchIndex;
  readonly transaction: IndexUnderTest['transaction'];
  readonly write: (writes: Partial<SearchWrites>) => Promise<void>;
  /**
   * Makes an argument for `index.write()`. Uses empty lists for missing fields, and gives the changes a higher `version` than
   * all changes before.
   */
  readonly changesOf: (writes: Partial<SearchWrites>) => SearchWrites;
  /**
   * Returns the hits of the first page, newest first. The page has up to 500 hits. Searches only the room in which
   * `documentOf()` puts documents, unless `query` says otherwise.
   */
  readonly find: (term: string, query?: Partial<SearchQuery>) => Promise<readonly SearchHit[]>;
  /** Returns one page: its hits, the number of hits, and the token of the next page. Uses the same defaults as `find()`. */
  readonly page: (term: string, query?: Partial<SearchQuery>) => Promise<SearchPage>;
}

export const ROOM = '!room:example.org' as RoomId;
const ALL_KEYS: readonly SearchKey[] = ['content.body', 'content.name', 'content.topic'];

export function testedBy({ index, transaction }: IndexUnderTest): Tested {
  const page = (term: string, query: Partial<SearchQuery> = {}): Promise<SearchPage> =>
    index.search({ term, rooms: [ROOM], keys: ALL_KEYS, order: 'recent', limit: 500, ...query });
  let version = 0;
  const changesOf = (writes: Partial<SearchWrites>): SearchWrites => {
    version += 1;
    return { upserts: [], removals: [], removedRooms: [], version, ...writes };
  };
  return {
    index,
    transaction,
    changesOf,
    page,
    find: async (term, query) => (await page(term, query)).hits,
    write: (writes) => transaction((trx) => index.write(changesOf(writes), trx)),
  };
}

/** Makes a document. The same stream position always gives the same event id. */
export function documentOf(streamPosition: number, text: string, rest: Partial<SearchDocument> = {}): SearchDocument {
  return {
    eventId: eventIdOf(streamPosition),
    roomId: ROOM,
    sender: '@alice:example.org' as UserId,
    streamPosition,
    key: 'content.body',
    text,
    ...rest,
  };
}

export function eventIdOf(number: number): EventId {
  return `$${String(number).padStart(6, '0')}/+Event:example.org` as EventId;
}

export const idsOf = (hits: readonly SearchDocument[]): EventId[] => hits.map(({ eventId }) => eventId);
export const textsOf = (hits: readonly SearchDocument[]): string[] => hits.map(({ text }) => text);

/**
 * Creates a function that returns pseudo-random numbers from 0 up to, but not including, 1. The same seed gives the same
 * numbers in each run.
 */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
