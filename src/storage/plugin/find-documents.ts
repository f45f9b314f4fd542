import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { SearchHit, SearchKey, SearchOrder } from './stored-document.ts';

/** The documents with stream positions above `lower`, and up to and including `upper`. */
export interface PositionWindow {
  readonly lower: number;
  readonly upper: number;
}

/** The place of a hit in the order of the search results. */
export type HitPlace = Pick<SearchHit, 'rank' | 'streamPosition' | 'eventId'>;

/** A search in the table `search_documents`. A document is the row of one event. */
export interface DocumentQuery {
  /** The terms of the search, in the text form of `tsquery`. */
  readonly tsquery: string;
  /**
   * Values of the weights D, C, B and A for `ts_rank`, in the text form of a PostgreSQL array. Used only if `order` is `rank`.
   */
  readonly weights: string;
  /** The rooms to search. No room may occur twice. */
  readonly rooms: readonly RoomId[];
  /** Only documents with one of these keys are hits. */
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
  /** Maximum number of hits to return. */
  readonly limit: number;
  /** Only documents in this window are hits. */
  readonly window: PositionWindow;
  /** The last hit of the previous page of the same window. `undefined` for the first page of the window. */
  readonly after: HitPlace | undefined;
  /** Maximum number of documents that PostgreSQL reads. */
  readonly maxRead: number;
}

/** The result of a `DocumentQuery`. */
export interface FoundDocuments {
  readonly hits: readonly SearchHit[];
  /**
   * Number of documents that PostgreSQL has read. If it equals `maxRead`, there may be unread documents, and `hits` may lack
   * some hits.
   */
  readonly read: number;
  /** Number of hits among the documents that PostgreSQL has read, including those on other pages. */
  readonly found: number;
}

/**
 * Switches off sequential scans, parallel workers and the compilation of queries (JIT), until the end of the transaction.
 * PostgreSQL's planner does not know how frequent a word is, so it would sometimes choose a slow sequential scan. Compiling a
 * query of this file takes longer than running it.
 */
export async function prepareSearch(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(
    `SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true)`,
  );
}

/** How densely the newest documents of some rooms lie among the stream positions. */
export interface RoomSpread {
  /** The position of the newest document up to the position `upper`. 0 if the rooms have no such document. */
  readonly newest: number;
  /** Number of documents of these rooms per stream position, near the newest document. */
  readonly density: number;
  /** Whether all documents up to the position `upper` were read, because each room has fewer than `each` of them. */
  readonly isComplete: boolean;
}

/**
 * Measures how densely the newest documents of some rooms lie. Reads the positions of the `each` newest documents of each room
 * up to the position `upper`, or of all of them if there are fewer.
 */
export async function measureRooms(
  db: Db,
  { rooms, upper, each }: { readonly rooms: readonly RoomId[]; readonly upper: number; readonly each: number },
): Promise<RoomSpread> {
  const [row] = await rowsOf<{ newest: string | null; density: number | null; complete: boolean | null }>(
    db.raw(
      `WITH spread AS MATERIALIZED (
         SELECT newest, oldest, read
         FROM unnest(CAST(:rooms AS text[])) AS room (id) CROSS JOIN LATERAL (
           SELECT max(stream_position) AS newest, min(stream_position) AS oldest, count(*) AS read
           FROM (SELECT stream_position FROM matrix_admin.search_documents d
                 WHERE d.room_id = room.id AND stream_position <= CAST(:upper AS bigint)
                 ORDER BY stream_position DESC LIMIT :each) AS newest) AS positions
         WHERE read > 0)
       SELECT max(newest) AS newest, bool_and(read < :each) AS complete,
         sum(read / (least(:upper, (SELECT max(newest) FROM spread)) - oldest + 1)::float8) AS density
       FROM spread`,
      { rooms: [...rooms], upper, each },
    ),
  );
  return {
    newest: Number(row?.newest ?? 0),
    density: row?.density ?? 0,
    isComplete: row?.complete ?? true,
  };
}

const COLUMNS = 'd.event_id, d.room_id, d.stream_position, d.key, d.lexemes';
const IN_WINDOW = 'd.stream_position > CAST(:lower AS bigint) AND d.stream_position <= CAST(:upper AS bigint)';
/**
 * SQL for at most `:maxRead` documents of the rooms in the window. `OFFSET 0` makes PostgreSQL read the window with the index
 * of rooms, and not with the index of lexemes.
 */
const OF_ROOMS = `SELECT document.*, true AS in_rooms
  FROM unnest(CAST(:rooms AS text[])) AS room (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM matrix_admin.search_documents d WHERE d.room_id = room.id AND ${IN_WINDOW} OFFSET 0) AS document
  LIMIT :maxRead`;
/**
 * SQL for at most `:maxRead` documents that match `:candidates`. `in_rooms` tells whether a document is in the rooms and in the
 * window.
 */
const WITH_LEXEMES = `SELECT ${COLUMNS}, d.room_id IN (SELECT unnest(CAST(:rooms AS text[]))) AND ${IN_WINDOW} AS in_rooms
  FROM matrix_admin.search_documents d WHERE d.lexemes @@ CAST(:candidates AS tsquery) LIMIT :maxRead`;

/**
 * Reads the documents of the rooms in the window, at most `maxRead`, with the index of rooms. Returns a page of those that
 * match the query.
 */
export function findInRooms(db: Db, query: DocumentQuery): Promise<FoundDocuments> {
  return find(db, query, OF_ROOMS, {});
}

/**
 * Reads the documents that match `candidates`, at most `maxRead`, with the index of lexemes. Returns a page of those that match
 * the query and are in its rooms and its window.
 * @param candidates a `tsquery` in text form. It must match every document that the query matches.
 */
export function findWithLexemes(db: Db, query: DocumentQuery, candidates: string): Promise<FoundDocuments> {
  return find(db, query, WITH_LEXEMES, { candidates });
}

interface HitRow {
  event_id: SearchHit['eventId'] | null;
  room_id: RoomId;
  sender: SearchHit['sender'];
  stream_position: string;
  key: SearchKey;
  text: string;
  rank: number;
  read: string;
  found: string;
}

async function find(
  db: Db,
  query: DocumentQuery,
  source: string,
  bindings: Readonly<Record<string, string>>,
): Promise<FoundDocuments> {
  const byRank = query.order === 'rank';
  const rank = byRank ? 'ts_rank(CAST(:weights AS float4[]), lexemes, CAST(:tsquery AS tsquery))' : '1';
  const rows = await rowsOf<HitRow>(
    db.raw(
      `WITH documents AS MATERIALIZED (
         SELECT event_id, stream_position, is_hit, CASE WHEN is_hit THEN ${rank} END::float8 AS rank
         FROM (SELECT event_id, stream_position, lexemes,
                 in_rooms AND key = ANY(:keys) AND lexemes @@ CAST(:tsquery AS tsquery) AS is_hit
               FROM (${source}) AS source OFFSET 0) AS d),
       page AS (
         SELECT event_id, stream_position, rank FROM documents
         WHERE is_hit AND (CAST(:rank AS float8) IS NULL OR (rank, stream_position, event_id COLLATE "C")
           < (CAST(:rank AS float8), CAST(:position AS bigint), CAST(:eventId AS text)))
         ORDER BY rank DESC, stream_position DESC, event_id COLLATE "C" DESC LIMIT :limit)
       SELECT d.event_id, d.room_id, d.sender, d.stream_position, d.key, d.text, page.rank, counted.read, counted.found
       FROM (SELECT count(*) AS read, count(*) FILTER (WHERE is_hit) AS found FROM documents) AS counted
       LEFT JOIN page ON true LEFT JOIN matrix_admin.search_documents d ON d.event_id = page.event_id
       ORDER BY page.rank DESC, page.stream_position DESC, page.event_id COLLATE "C" DESC`,
      {
        ...bindings,
        tsquery: query.tsquery,
        ...(byRank ? { weights: query.weights } : {}),
        rooms: [...query.rooms],
        keys: [...query.keys],
        lower: query.window.lower,
        upper: query.window.upper,
        rank: query.after?.rank ?? null,
        position: query.after?.streamPosition ?? null,
        eventId: query.after?.eventId ?? null,
        limit: query.limit,
        maxRead: query.maxRead,
      },
    ),
  );
  const hits = rows.flatMap(({ event_id: eventId, ...row }) =>
    eventId === null
      ? []
      : [
          {
            eventId,
            roomId: row.room_id,
            sender: row.sender,
            streamPosition: Number(row.stream_position),
            key: row.key,
            text: row.text,
            rank: row.rank,
          },
        ],
  );
  return { hits, read: Number(rows[0]?.read ?? 0), found: Number(rows[0]?.found ?? 0) };
}
