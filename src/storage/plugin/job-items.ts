import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** Something that a job has processed, for example a user who has left a room. */
export interface JobItem {
  /** Name of the item, such as a user id. A job has each name only once. */
  readonly item: string;
  /** Sort key of the item in the job's result. */
  readonly ordinal: number;
}

/** Adds items to a job. An item that is already stored stays as it is. */
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

/** Returns which of the given items are already stored for the job. */
export async function findJobItems(db: Db, jobId: string, among: readonly string[]): Promise<Set<string>> {
  if (among.length === 0) return new Set();
  const rows = await rowsOf<{ item: string }>(
    db.raw('SELECT item FROM matrix_admin.job_items WHERE job_id = ? AND item = ANY(?)', [jobId, [...among]]),
  );
  return new Set(rows.map(({ item }) => item));
}

/** Lists the items of a job in the order of their ordinals. @param limit maximum number of items. @defaultValue no limit */
export async function listJobItems(db: Db, jobId: string, limit?: number): Promise<string[]> {
  // One JSON text is much cheaper to receive than a row for each item. A room can have 100,000 members.
  const [row] = await rowsOf<{ items: string[] }>(
    db.raw(
      `SELECT coalesce(json_agg(item ORDER BY ordinal, position), '[]') AS items FROM (
         SELECT item, ordinal, position FROM matrix_admin.job_items WHERE job_id = ? ORDER BY ordinal, position LIMIT ?) i`,
      [jobId, limit ?? null],
    ),
  );
  return row?.items ?? [];
}

/** Lists the items of a job in the order in which they were added. Skips the first `skipped` items. */
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
