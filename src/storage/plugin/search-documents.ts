import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { allEnded, type Db, rowsOf, setLockTimeout, TEXTS, textsOf } from '../database.ts';
import { transact } from '../transact.ts';
import { SAMPLE_INDEX } from './sampled-documents.ts';
import type { SearchDocument } from './stored-document.ts';

/**
 * A table of search documents: the table of the live index, or the table that a reindex is filling. The name of the latter
 * contains the id of the reindex.
 */
export type DocumentTable = 'search_documents' | `search_documents_${string}`;

/** Documents for which `isStorable()` is true, and for each document its lexemes in the text form of `tsvector`. */
export interface IndexedDocuments {
  readonly documents: readonly SearchDocument[];
  readonly lexemes: readonly string[];
}

const qualified = (table: DocumentTable): string => `matrix_admin.${table}`;

const COLUMNS = 'event_id, room_id, sender, stream_position, key, text, lexemes';
/**
 * U+001F, the unit separator. The plugin joins the values of a column with this character, and passes the column to PostgreSQL
 * as one text. This is much quicker than passing an array.
 */
const SEPARATOR = '\x1f';
/** SQL for the rows of seven such texts. It casts each value of a row, because casting whole arrays takes a third longer. */
const ROWS = `SELECT event_id, room_id, sender, stream_position::bigint, key, text, coalesce(lexemes, '')::tsvector
  FROM unnest(${Array.from({ length: 7 }, () => `string_to_array(?, E'\\x1f')`).join(', ')}) AS row (${COLUMNS})`;

/** Tells whether a document can be stored. It cannot be stored if an id contains the separator, as a forged id may. */
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

/** Adds documents of a batch of a reindex to a table that contains none of these documents yet. */
export async function insertDocuments(
  transaction: Knex.Transaction,
  table: DocumentTable,
  indexed: IndexedDocuments,
): Promise<void> {
  if (indexed.documents.length === 0) return;
  // With this setting, PostgreSQL may lose the transaction if PostgreSQL crashes after the commit. The transaction also stores
  // that the batch is done. So if the transaction is lost, the plugin loads the batch again.
  await transaction.raw('SET LOCAL synchronous_commit = off');
  await transaction.raw(`INSERT INTO ${qualified(table)} (${COLUMNS}) ${ROWS}`, valuesOf(indexed));
}

/** Adds documents, or replaces them if the table already has documents of the same events. */
export async function upsertDocuments(db: Db, table: DocumentTable, indexed: IndexedDocuments): Promise<void> {
  if (indexed.documents.length === 0) return;
  await db.raw(
    `INSERT INTO ${qualified(table)} AS d (${COLUMNS}) ${ROWS}
     ON CONFLICT (event_id) DO UPDATE SET room_id = excluded.room_id, sender = excluded.sender,
       stream_position = excluded.stream_position, key = excluded.key, text = excluded.text, lexemes = excluded.lexemes`,
    valuesOf(indexed),
  );
}

/** Deletes the documents of the given events, and all documents of the given rooms. */
export async function deleteDocuments(
  db: Db,
  table: DocumentTable,
  eventIds: readonly EventId[],
  roomIds: readonly RoomId[],
): Promise<void> {
  if (eventIds.length > 0) {
    await db.raw(`DELETE FROM ${qualified(table)} WHERE event_id = ANY(${TEXTS})`, [textsOf(eventIds)]);
  }
  if (roomIds.length > 0) {
    await db.raw(`DELETE FROM ${qualified(table)} WHERE room_id = ANY(?)`, [[...roomIds]]);
  }
}

/**
 * Deletes the `limit` oldest documents of a room from the live index, and further documents with the same stream position as
 * the last of these.
 * @returns the number of deleted documents. If it is below `limit`, the room has no more documents.
 */
export async function deleteRoomDocuments(db: Db, roomId: RoomId, limit: number): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number | null }>(
    `DELETE FROM matrix_admin.search_documents WHERE room_id = :roomId AND stream_position <= coalesce(
       (SELECT stream_position FROM matrix_admin.search_documents WHERE room_id = :roomId
        ORDER BY stream_position OFFSET :skipped LIMIT 1), 9223372036854775807)`,
    { roomId, skipped: limit - 1 },
  );
  return rowCount ?? 0;
}

/** Creates an empty table of documents, without indexes. Does nothing if the table exists. */
export async function createDocumentTable(db: Db, table: DocumentTable): Promise<void> {
  await db.raw(`CREATE TABLE IF NOT EXISTS ${qualified(table)} (LIKE matrix_admin.search_documents)`);
}

/** The last parts of the names of a table's indexes. */
const INDEXES = ['event_id', 'room_id', 'lexemes', 'sample'] as const;
const INDEX_DEFINITIONS: Readonly<Record<(typeof INDEXES)[number], readonly [kind: string, method: string]>> = {
  event_id: ['UNIQUE INDEX', '(event_id)'],
  room_id: ['INDEX', '(room_id, stream_position)'],
  lexemes: ['INDEX', 'USING gin (lexemes)'],
  sample: ['INDEX', SAMPLE_INDEX],
};

/**
 * Maximum memory that PostgreSQL uses for building one index. With PostgreSQL's default of 64 MB, building a GIN index takes
 * several times longer.
 */
const BUILD_MEMORY = '256MB';

/**
 * Builds the indexes of a filled table, on two connections at the same time. Then collects statistics about the table for
 * PostgreSQL's planner.
 */
export async function indexDocumentTable(db: Knex, table: DocumentTable): Promise<void> {
  const build = (column: (typeof INDEXES)[number]): Promise<void> =>
    transact(db, async (transaction) => {
      const [kind, method] = INDEX_DEFINITIONS[column];
      await transaction.raw(`SET LOCAL maintenance_work_mem = '${BUILD_MEMORY}'`);
      await transaction.raw(`CREATE ${kind} IF NOT EXISTS ${table}_${column} ON ${qualified(table)} ${method}`);
    });
  await allEnded([
    build('lexemes'),
    build('event_id')
      .then(() => build('room_id'))
      .then(() => build('sample')),
  ]);
  // `ANALYZE` skips the columns `text` and `lexemes`. Collecting their statistics takes longer than building the indexes, and
  // searches do not use such statistics.
  await db.raw(`ANALYZE ${qualified(table)} (room_id, stream_position, key)`);
}

/**
 * Replaces the table of the live index with a filled table. Does nothing if the filled table no longer exists, because it has
 * already become the live table. New searches wait until the transaction ends.
 * @throws Error if running searches use the live table for longer than a second; `isLockTimeout()` is true for this error
 */
export async function replaceDocumentTable(transaction: Knex.Transaction, table: DocumentTable): Promise<void> {
  if (!(await documentTableExists(transaction, table))) return;
  await setLockTimeout(transaction);
  await transaction.raw(`DROP TABLE ${qualified('search_documents')}`);
  await transaction.raw(`ALTER TABLE ${qualified(table)} RENAME TO search_documents`);
  for (const column of INDEXES) {
    // An index may be missing if a process of an older version of the plugin has built the indexes.
    await transaction.raw(`ALTER INDEX IF EXISTS ${qualified(table)}_${column} RENAME TO search_documents_${column}`);
  }
}

/** Drops a table of documents. Does nothing if the table does not exist. */
export async function dropDocumentTable(db: Db, table: DocumentTable): Promise<void> {
  await db.raw(`DROP TABLE IF EXISTS ${qualified(table)}`);
}

async function documentTableExists(db: Db, table: DocumentTable): Promise<boolean> {
  const [row] = await rowsOf<{ found: boolean }>(
    db.raw('SELECT to_regclass(?) IS NOT NULL AS found', [qualified(table)]),
  );
  return row?.found ?? false;
}

/** Counts the documents of the live index, and measures the size of their table on disk in bytes, including indexes. */
export async function measureDocuments(db: Db): Promise<{ documents: number; bytes: number }> {
  const [row] = await rowsOf<{ documents: string; bytes: string }>(
    db.raw(
      `SELECT count(*) AS documents, pg_total_relation_size('matrix_admin.search_documents') AS bytes
       FROM matrix_admin.search_documents`,
    ),
  );
  return { documents: Number(row?.documents ?? 0), bytes: Number(row?.bytes ?? 0) };
}
