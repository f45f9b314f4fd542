import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** Something that a job has processed, for example a user who has left a room. */
export interface JobItem {
  /** Name of the item, such as a user id. No two items of a job have the same name. */
  readonly item: string;
  /** The number by which `listJobItems()` sorts the items. */
  readonly ordinal: number;
}

/** Adds items to a job. If the job already has an item with the same name, that item stays as it is. */
export async function insertJobItems(
  transaction: Knex.Transaction,
  jobId: string,
  items: readonly JobItem[],
): Promise<void> {
  if (items.length === 0) return;
  await transaction.raw(
    `INSERT INTO matrix_admin.job_items (job_id, item, ordinal)
     SELECT ?, item, ordinal FROM unnest(?::text[], ?::bigint[]) WITH ORDINALITY AS i(item, ordinal, position)
     ORDER BY position ON CONFLICT DO NOTHING`,
    [jobId, items.map(({ item }) => item), items.map(({ ordinal }) => ordinal)],
  );
}

/** Returns which of the given names belong to items that are stored for the job. */
export async function findJobItems(db: Db, jobId: string, among: readonly string[]): Promise<Set<string>> {
  if (among.length === 0) return new Set();
  const rows = await rowsOf<{ item: string }>(
    db.raw('SELECT item FROM matrix_admin.job_items WHERE job_id = ? AND item = ANY(?)', [jobId, [...among]]),
  );
  return new Set(rows.map(({ item }) => item));
}

/**
 * Lists the names of a job's items, sorted by `ordinal`, and those with the same `ordinal` in the order in which they were
 * added.
 * @param limit maximum number of items. @defaultValue no limit
 */
export async function listJobItems(db: Db, jobId: string, limit?: number): Promise<string[]> {
  // Receiving one JSON text is much cheaper than receiving a row for each item. A job may have 100,000 items, such as the
  // members of a room.
  const [row] = await rowsOf<{ items: string[] }>(
    db.raw(
      `SELECT coalesce(json_agg(item ORDER BY ordinal, position), '[]') AS items FROM (
         SELECT item, ordinal, position FROM matrix_admin.job_items WHERE job_id = ? ORDER BY ordinal, position LIMIT ?) i`,
      [jobId, limit ?? null],
    ),
  );
  return row?.items ?? [];
}

/** Lists the names of at most `limit` items of a job in the order in which they were added. Skips the first `skipped` items. */
export async function listAddedItems(db: Db, jobId: string, skipped: number, limit: number): Promise<string[]> {
  const rows = await rowsOf<{ item: string }>(
    db.raw('SELECT item FROM matrix_admin.job_items WHERE job_id = ? ORDER BY position OFFSET ? LIMIT ?', [
      jobId,
      skipped,
      limit,
    ]),
  );
  return rows.map(({ item }) => item);
}
