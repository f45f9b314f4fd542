import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { SearchKey } from './stored-document.ts';

/** Hashes of stream positions are below this number, a power of two. */
const HASHES = 2 ** 30;
/** Documents whose hash is below this number are in the index of sampled documents. They are one in 64 documents. */
const SAMPLED = HASHES / 64;
/**
 * The hash of a document's stream position. The multiplier is `HASHES` times the golden ratio, so that documents of every age
 * get low hashes.
 */
const HASH = `(((stream_position & ${HASHES - 1}) * 663608941) & ${HASHES - 1})`;
/** The definition of the index of sampled documents, after the name of the table. */
export const SAMPLE_INDEX = `(${HASH}) WHERE ${HASH} < ${SAMPLED}`;

export interface SampleQuery {
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  /** The terms of the search, in the text form of `tsquery`. */
  readonly tsquery: string;
  /** Further queries to count in all rooms, in the text form of `tsquery`. */
  readonly others: readonly string[];
  /** Maximum number of documents in the sample. */
  readonly size: number;
}

/** What a sample of all documents contains. All numbers are extrapolated to all documents. */
export interface Sample {
  /** Number of documents in the rooms. */
  readonly inRooms: number;
  /** Number of documents that the search finds in the rooms. */
  readonly found: number;
  /** Number of documents in all rooms that match each of `SampleQuery.others`. */
  readonly others: readonly number[];
}

/** Estimates numbers of documents from a random sample of the table. The sample consists of documents of every age. */
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
  // Number of documents that each document of the sample stands for. A sample that is not full has all documents with a hash
  // below `SAMPLED`.
  const weight = HASHES / (read < query.size ? SAMPLED : Number(row?.last ?? SAMPLED) + 1);
  return {
    inRooms: Number(row?.in_rooms ?? 0) * weight,
    found: Number(row?.found ?? 0) * weight,
    others: (row?.others ?? []).map((number) => Number(number) * weight),
  };
}
