import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { allEnded, type Db, rowsOf, setLockTimeout } from '../database.ts';
import { transact } from '../transact.ts';
import { SAMPLE_INDEX } from './sampled-documents.ts';
import type { SearchDocument } from './stored-document.ts';

/** The table of the live index, or the table that a reindex is filling, whose name contains the id of the reindex. */
export type DocumentTable = 'search_documents' | `search_documents_${string}`;

/** Documents that PostgreSQL can store, and for each document its lexemes in the text form of `tsvector`. */
export interface IndexedDocuments {
  readonly documents: readonly SearchDocument[];
  readonly lexemes: readonly string[];
}

const qualified = (table: DocumentTable): string => `matrix_admin.${table}`;

const COLUMNS = 'event_id, room_id, sender, stream_position, key, text, lexemes';
/**
 * U+001F, the unit separator. The plugin joins all values of a column with this character into one text, because such a text
 * costs far less than an array literal.
 */
const SEPARATOR = '\x1f';
// The query casts values row by row. Casting whole arrays takes PostgreSQL a third longer.
const ROWS = `SELECT event_id, room_id, sender, stream_position::bigint, key, text, coalesce(lexemes, '')::tsvector
  FROM unnest(${Array.from({ length: 7 }, () => `string_to_array(?, E'\\x1f')`).join(', ')}) AS row (${COLUMNS})`;

/** Tells whether a document can be stored. A forged id may contain the separator, and then the document cannot be stored. */
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

/** Adds documents to a table that contains none of them yet. */
export async function insertDocuments(
  transaction: Knex.Transaction,
  table: DocumentTable,
  indexed: IndexedDocuments,
): Promise<void> {
  if (indexed.documents.length === 0) return;
  // PostgreSQL may lose this batch if the server crashes. Then PostgreSQL also loses the record that the batch is done, because
  // the same transaction writes the record. So the plugin loads the batch again.
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

/** Deletes a room's oldest documents: at least `limit`, or all if there are fewer. @returns the number of deleted documents */
export async function deleteRoomDocuments(db: Db, roomId: RoomId, limit: number): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number | null }>(
    `DELETE FROM matrix_admin.search_documents WHERE room_id = :roomId AND stream_position <= coalesce(
       (SELECT stream_position FROM matrix_admin.search_documents WHERE room_id = :roomId
        ORDER BY stream_position OFFSET :skipped LIMIT 1), 9223372036854775807)`,
    { roomId, skipped: limit - 1 },
  );
  return rowCount ?? 0;
}

/** Creates an empty document table without indexes if it is missing. */
export async function createDocumentTable(db: Db, table: DocumentTable): Promise<void> {
  await db.raw(`CREATE TABLE IF NOT EXISTS ${qualified(table)} (LIKE matrix_admin.search_documents)`);
}

const INDEXES = ['event_id', 'room_id', 'lexemes', 'sample'] as const;
const INDEX_DEFINITIONS: Readonly<Record<(typeof INDEXES)[number], readonly [kind: string, method: string]>> = {
  event_id: ['UNIQUE INDEX', '(event_id)'],
  room_id: ['INDEX', '(room_id, stream_position)'],
  lexemes: ['INDEX', 'USING gin (lexemes)'],
  sample: ['INDEX', SAMPLE_INDEX],
};

/** Maximum memory for building one index. With PostgreSQL's default, building a GIN index takes several times longer. */
const BUILD_MEMORY = '256MB';

/** Builds the indexes and the planner statistics of a filled table. Uses two connections. */
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
  // `ANALYZE` skips the text and the lexemes. Their statistics take longer than building the indexes, and searches do not use
  // them.
  await db.raw(`ANALYZE ${qualified(table)} (room_id, stream_position, key)`);
}

/**
 * Replaces the live table with a filled one. Does nothing if the filled table has already replaced the live table. Waits at
 * most a second for running searches. New searches wait until the transaction ends.
 */
export async function replaceDocumentTable(transaction: Knex.Transaction, table: DocumentTable): Promise<void> {
  if (!(await documentTableExists(transaction, table))) return;
  await setLockTimeout(transaction);
  await transaction.raw(`DROP TABLE ${qualified('search_documents')}`);
  await transaction.raw(`ALTER TABLE ${qualified(table)} RENAME TO search_documents`);
  for (const column of INDEXES) {
    // A process of an older version may have built the indexes, without those that a newer version has added.
    await transaction.raw(`ALTER INDEX IF EXISTS ${qualified(table)}_${column} RENAME TO search_documents_${column}`);
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

/** Counts the documents, and measures their size on disk in bytes, including indexes. */
export async function measureDocuments(db: Db): Promise<{ documents: number; bytes: number }> {
  const [row] = await rowsOf<{ documents: string; bytes: string }>(
    db.raw(
      `SELECT count(*) AS documents, pg_total_relation_size('matrix_admin.search_documents') AS bytes
       FROM matrix_admin.search_documents`,
    ),
  );
  return { documents: Number(row?.documents ?? 0), bytes: Number(row?.bytes ?? 0) };
}
