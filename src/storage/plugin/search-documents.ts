import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { allEnded, type Db, rowsOf, setLockTimeout } from '../database.ts';
import { transact } from '../transact.ts';
import type { SearchDocument, SearchHit, SearchKey, SearchOrder } from './stored-document.ts';

/** The live table, or the shadow of a rebuild, named after it. */
export type DocumentTable = 'search_documents' | `search_documents_${string}`;

/** Storable documents, and the lexemes of each document in the text form of `tsvector`. */
export interface IndexedDocuments {
  readonly documents: readonly SearchDocument[];
  readonly lexemes: readonly string[];
}

const qualified = (table: DocumentTable): string => `matrix_admin.${table}`;

const COLUMNS = 'event_id, room_id, sender, stream_position, key, text, lexemes';
/** Unit separator: joins the values of a column, which costs both sides far less than an array literal. */
const SEPARATOR = '\x1f';
// Cast row by row: casting whole arrays takes PostgreSQL a third longer.
const ROWS = `SELECT event_id, room_id, sender, stream_position::bigint, key, text, coalesce(lexemes, '')::tsvector
  FROM unnest(${Array.from({ length: 7 }, () => `string_to_array(?, E'\\x1f')`).join(', ')}) AS row (${COLUMNS})`;

/** Whether a document can be stored: forged ids may contain the separator. */
export function isStorable({ eventId, roomId, sender }: SearchDocument): boolean {
  return ![eventId, roomId, sender].some((id) => id.includes(SEPARATOR));
}

const valuesOf = ({ documents, lexemes }: IndexedDocuments): string[] =>
  [
    documents.map((document) => document.eventId),
    documents.map((document) => document.roomId),
    documents.map((document) => document.sender),
    documents.map((document) => document.streamPosition),
    documents.map((document) => document.key),
    documents.map((document) => document.text.replaceAll(SEPARATOR, ' ')),
    lexemes,
  ].map((values) => values.join(SEPARATOR));

/** Adds documents to a table that has none of them. */
export async function insertDocuments(
  transaction: Knex.Transaction,
  table: DocumentTable,
  indexed: IndexedDocuments,
): Promise<void> {
  if (indexed.documents.length === 0) return;
  // A batch that a server crash takes back is loaded again: it is recorded in the same transaction.
  await transaction.raw('SET LOCAL synchronous_commit = off');
  await transaction.raw(`INSERT INTO ${qualified(table)} (${COLUMNS}) ${ROWS}`, valuesOf(indexed));
}

/** Adds or replaces documents. */
export async function upsertDocuments(db: Db, table: DocumentTable, indexed: IndexedDocuments): Promise<void> {
  if (indexed.documents.length === 0) return;
  await db.raw(
    `INSERT INTO ${qualified(table)} AS d (${COLUMNS}) ${ROWS}
     ON CONFLICT (event_id) DO UPDATE SET room_id = excluded.room_id, sender = excluded.sender,
       stream_position = excluded.stream_position, key = excluded.key, text = excluded.text, lexemes = excluded.lexemes`,
    valuesOf(indexed),
  );
}

export async function deleteDocuments(
  db: Db,
  table: DocumentTable,
  eventIds: readonly EventId[],
  roomIds: readonly RoomId[],
): Promise<void> {
  if (eventIds.length > 0) {
    await db.raw(`DELETE FROM ${qualified(table)} WHERE event_id = ANY(?)`, [[...eventIds]]);
  }
  if (roomIds.length > 0) {
    await db.raw(`DELETE FROM ${qualified(table)} WHERE room_id = ANY(?)`, [[...roomIds]]);
  }
}

/** Deletes about `limit` of a room's oldest documents, and returns how many. */
export async function deleteRoomDocuments(db: Db, roomId: RoomId, limit: number): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number | null }>(
    `DELETE FROM matrix_admin.search_documents WHERE room_id = :roomId AND stream_position <= coalesce(
       (SELECT stream_position FROM matrix_admin.search_documents WHERE room_id = :roomId
        ORDER BY stream_position OFFSET :skipped LIMIT 1), 9223372036854775807)`,
    { roomId, skipped: limit - 1 },
  );
  return rowCount ?? 0;
}

/** Makes an empty table without indexes, if it is missing. */
export async function createDocumentTable(db: Db, table: DocumentTable): Promise<void> {
  await db.raw(`CREATE TABLE IF NOT EXISTS ${qualified(table)} (LIKE matrix_admin.search_documents)`);
}

const INDEXES = ['event_id', 'room_id', 'lexemes'] as const;
const INDEX_DEFINITIONS: Readonly<Record<(typeof INDEXES)[number], readonly [kind: string, method: string]>> = {
  event_id: ['UNIQUE INDEX', '(event_id)'],
  room_id: ['INDEX', '(room_id, stream_position)'],
  lexemes: ['INDEX', 'USING gin (lexemes)'],
};

/** Bytes that one index build may use; PostgreSQL's own default makes GIN builds several times slower. */
const BUILD_MEMORY = '256MB';

/** Builds the indexes of a table that has been filled, on two connections, and its planner statistics. */
export async function indexDocumentTable(db: Knex, table: DocumentTable): Promise<void> {
  const build = (column: (typeof INDEXES)[number]): Promise<void> =>
    transact(db, async (transaction) => {
      const [kind, method] = INDEX_DEFINITIONS[column];
      await transaction.raw(`SET LOCAL maintenance_work_mem = '${BUILD_MEMORY}'`);
      await transaction.raw(`CREATE ${kind} IF NOT EXISTS ${table}_${column} ON ${qualified(table)} ${method}`);
    });
  await allEnded([build('lexemes'), build('event_id').then(() => build('room_id'))]);
  // Statistics of texts and lexemes would take longer than the indexes, and searches do not depend on them.
  await db.raw(`ANALYZE ${qualified(table)} (room_id, stream_position, key)`);
}

/**
 * Puts a table in the place of the live one; does nothing if it is there already. Waits a while for searches under way,
 * and others wait for it.
 */
export async function replaceDocumentTable(transaction: Knex.Transaction, table: DocumentTable): Promise<void> {
  if (!(await documentTableExists(transaction, table))) return;
  await setLockTimeout(transaction);
  await transaction.raw(`DROP TABLE ${qualified('search_documents')}`);
  await transaction.raw(`ALTER TABLE ${qualified(table)} RENAME TO search_documents`);
  for (const column of INDEXES) {
    await transaction.raw(`ALTER INDEX ${qualified(table)}_${column} RENAME TO search_documents_${column}`);
  }
}

export async function dropDocumentTable(db: Db, table: DocumentTable): Promise<void> {
  await db.raw(`DROP TABLE IF EXISTS ${qualified(table)}`);
}

async function documentTableExists(db: Db, table: DocumentTable): Promise<boolean> {
  const [row] = await rowsOf<{ found: boolean }>(
    db.raw('SELECT to_regclass(?) IS NOT NULL AS found', [qualified(table)]),
  );
  return row?.found ?? false;
}

export interface DocumentQuery {
  /** In the text form of `tsquery`. */
  readonly tsquery: string;
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
  readonly limit: number;
  /** The last hit of the previous page. */
  readonly after: Pick<SearchHit, 'rank' | 'streamPosition' | 'eventId'> | undefined;
}

/**
 * A page of hits and the count of all. The matches are collected first (`MATERIALIZED`): left to itself, the planner
 * walks a whole table backwards for rare words.
 */
export async function searchDocuments(db: Db, query: DocumentQuery): Promise<{ hits: SearchHit[]; count: number }> {
  const byRank = query.order === 'rank';
  const rows = await rowsOf<{
    event_id: SearchHit['eventId'];
    room_id: RoomId;
    sender: SearchHit['sender'];
    stream_position: string;
    key: SearchKey;
    text: string;
    rank: number;
    count: string;
  }>(
    db.raw(
      `WITH matches AS MATERIALIZED (
         SELECT event_id, stream_position, ${byRank ? 'ts_rank(lexemes, CAST(:tsquery AS tsquery))' : '1'}::float8 AS rank
         FROM matrix_admin.search_documents
         WHERE lexemes @@ CAST(:tsquery AS tsquery) AND room_id = ANY(:rooms) AND key = ANY(:keys)),
       page AS (
         SELECT * FROM matches
         WHERE CAST(:rank AS float8) IS NULL OR (rank, stream_position, event_id COLLATE "C")
           < (CAST(:rank AS float8), CAST(:position AS bigint), CAST(:eventId AS text))
         ORDER BY rank DESC, stream_position DESC, event_id COLLATE "C" DESC LIMIT :limit)
       SELECT d.event_id, d.room_id, d.sender, d.stream_position, d.key, d.text, page.rank, counted.count
       FROM (SELECT count(*) FROM matches) AS counted
       LEFT JOIN page ON true LEFT JOIN matrix_admin.search_documents d ON d.event_id = page.event_id
       ORDER BY page.rank DESC, page.stream_position DESC, page.event_id COLLATE "C" DESC`,
      {
        tsquery: query.tsquery,
        rooms: [...query.rooms],
        keys: [...query.keys],
        rank: query.after?.rank ?? null,
        position: query.after?.streamPosition ?? null,
        eventId: query.after?.eventId ?? null,
        limit: query.limit,
      },
    ),
  );
  const hits = rows.flatMap((row) =>
    row.event_id === null
      ? []
      : [
          {
            eventId: row.event_id,
            roomId: row.room_id,
            sender: row.sender,
            streamPosition: Number(row.stream_position),
            key: row.key,
            text: row.text,
            rank: row.rank,
          },
        ],
  );
  return { hits, count: Number(rows[0]?.count ?? 0) };
}

/** The number of documents, and their size on disk in bytes, including indexes. */
export async function measureDocuments(db: Db): Promise<{ documents: number; bytes: number }> {
  const [row] = await rowsOf<{ documents: string; bytes: string }>(
    db.raw(
      `SELECT count(*) AS documents, pg_total_relation_size('matrix_admin.search_documents') AS bytes
       FROM matrix_admin.search_documents`,
    ),
  );
  return { documents: Number(row?.documents ?? 0), bytes: Number(row?.bytes ?? 0) };
}
