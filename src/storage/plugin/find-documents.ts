import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { SearchHit, SearchKey, SearchOrder } from './stored-document.ts';

/** An interval of stream positions: above `lower`, and up to and including `upper`. */
export interface PositionWindow {
  readonly lower: number;
  readonly upper: number;
}

export type HitPlace = Pick<SearchHit, 'rank' | 'streamPosition' | 'eventId'>;

export interface DocumentQuery {
  /** The terms of the search, in the text form of `tsquery`. */
  readonly tsquery: string;
  /** Values of the weights D, C, B and A for `ts_rank`, in the text form of a PostgreSQL array. */
  readonly weights: string;
  /** The rooms, each of them once. */
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
  readonly limit: number;
  readonly window: PositionWindow;
  /** The last hit of the previous page. `undefined` if the page is the first page of the window. */
  readonly after: HitPlace | undefined;
  /** Maximum number of documents to read. */
  readonly maxRead: number;
}

export interface FoundDocuments {
  readonly hits: readonly SearchHit[];
  /** Number of documents that PostgreSQL has read. If it equals `maxRead`, there may be more, and `hits` may lack some hits. */
  readonly read: number;
  /** Number of all hits in the window. */
  readonly found: number;
}

/**
 * Makes PostgreSQL execute the queries of this file as they are written, until the end of the transaction. Its planner knows
 * nothing about the frequency of words, and compiling a query takes longer than running it.
 */
export async function prepareSearch(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(
    `SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true)`,
  );
}

/** How the newest documents of some rooms are distributed. */
export interface RoomSpread {
  /** The position of the newest document. 0 if the rooms have no documents. */
  readonly newest: number;
  /** Number of documents per stream position near the newest document. */
  readonly density: number;
  /** Whether no room has more than `each` documents. */
  readonly isComplete: boolean;
}

/** Reads the positions of the newest documents of each room: up to position `upper`, and at most `each` documents. */
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
/** `OFFSET 0` makes PostgreSQL read the window with the index of rooms, and not with the index of lexemes. */
const NEWEST_OF_ROOMS = `SELECT document.*, true AS in_rooms
  FROM unnest(CAST(:rooms AS text[])) AS room (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM matrix_admin.search_documents d WHERE d.room_id = room.id AND ${IN_WINDOW} OFFSET 0) AS document
  LIMIT :maxRead`;
const WITH_LEXEMES = `SELECT ${COLUMNS}, d.room_id IN (SELECT unnest(CAST(:rooms AS text[]))) AND ${IN_WINDOW} AS in_rooms
  FROM matrix_admin.search_documents d WHERE d.lexemes @@ CAST(:candidates AS tsquery) LIMIT :maxRead`;

/** Reads all documents of the rooms in the window, and returns those that match. Uses the index of rooms. */
export function findInRooms(db: Db, query: DocumentQuery): Promise<FoundDocuments> {
  return find(db, query, NEWEST_OF_ROOMS, {});
}

/**
 * Reads all documents that match `candidates`, and returns those that are in the window and match the query. Uses the index of
 * lexemes. `candidates` must match every document that the query matches.
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
