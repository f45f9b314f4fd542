import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { SearchKey } from './stored-document.ts';

/** All hashes of stream positions are below this number, which is a power of two. */
const HASHES = 2 ** 30;
/** Only documents whose hash is below this number are in the index of sampled documents: one in 64 documents. */
const SAMPLED = HASHES / 64;
/**
 * SQL for the hash of a document's stream position. The multiplier is about `HASHES` times the golden ratio (0.618), so that
 * the documents with low hashes are spread evenly over all stream positions.
 */
const HASH = `(((stream_position & ${HASHES - 1}) * 663608941) & ${HASHES - 1})`;
/** The definition of the index of sampled documents, after the name of the table. */
export const SAMPLE_INDEX = `(${HASH}) WHERE ${HASH} < ${SAMPLED}`;

/** What to count in a sample of the table `search_documents`. A document is the row of one event. */
export interface SampleQuery {
  readonly rooms: readonly RoomId[];
  /** The search finds only documents with one of these keys. */
  readonly keys: readonly SearchKey[];
  /** The terms of the search, in the text form of `tsquery`. */
  readonly tsquery: string;
  /**
   * Further searches, in the text form of `tsquery`. The documents that match them are counted in all rooms and with all keys.
   */
  readonly others: readonly string[];
  /** Maximum number of documents in the sample. */
  readonly size: number;
}

/** Estimates of numbers of documents, extrapolated from a sample to all documents. */
export interface Sample {
  /** Number of documents in the rooms of the query. */
  readonly inRooms: number;
  /** Number of documents that the search finds in the rooms of the query. */
  readonly found: number;
  /** For each of `SampleQuery.others`, the number of documents that match it. */
  readonly others: readonly number[];
}

/**
 * Estimates numbers of documents from a sample: at most `size` documents, those with the lowest hashes of their stream
 * positions.
 */
export async function sampleDocuments(db: Db, query: SampleQuery): Promise<Sample> {
  const others = query.others.map((_, index) => `count(*) FILTER (WHERE lexemes @@ CAST(:other${index} AS tsquery))`);
  const [row] = await rowsOf<{ read: string; last: string | null; in_rooms: string; found: string; others: string[] }>(
    db.raw(
      `SELECT count(*) AS read, max(hash) AS last, count(*) FILTER (WHERE in_rooms) AS in_rooms,
         count(*) FILTER (WHERE in_rooms AND key = ANY(:keys) AND lexemes @@ CAST(:tsquery AS tsquery)) AS found,
         ARRAY[${others.join(', ')}]::bigint[] AS others
       FROM (SELECT room_id IN (SELECT unnest(CAST(:rooms AS text[]))) AS in_rooms, key, lexemes, ${HASH} AS hash
             FROM matrix_admin.search_documents WHERE ${HASH} < ${SAMPLED} ORDER BY ${HASH} LIMIT :size) AS sample`,
      {
        rooms: [...query.rooms],
        keys: [...query.keys],
        tsquery: query.tsquery,
        size: query.size,
        ...Object.fromEntries(query.others.map((other, index) => [`other${index}`, other])),
      },
    ),
  );
  const read = Number(row?.read ?? 0);
  // `weight` is the number of documents for which each document of the sample stands. A sample of fewer than `size` documents
  // has all documents with hashes below `SAMPLED`. A full sample has all documents with hashes up to the last one.
  const weight = HASHES / (read < query.size ? SAMPLED : Number(row?.last ?? SAMPLED) + 1);
  return {
    inRooms: Number(row?.in_rooms ?? 0) * weight,
    found: Number(row?.found ?? 0) * weight,
    others: (row?.others ?? []).map((number) => Number(number) * weight),
  };
}
