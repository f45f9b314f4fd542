import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** An item that a job has processed. */
export interface JobItem {
  /** For example a user id. Unique within the job. */
  readonly item: string;
  /** Its place in the job's result. */
  readonly ordinal: number;
}

/** Adds items to those of a job. One that is there already stays as it is. */
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

/** The given items that the job has already. */
export async function findJobItems(db: Db, jobId: string, among: readonly string[]): Promise<Set<string>> {
  if (among.length === 0) return new Set();
  const rows = await rowsOf<{ item: string }>(
    db.raw('SELECT item FROM matrix_admin.job_items WHERE job_id = ? AND item = ANY(?)', [jobId, [...among]]),
  );
  return new Set(rows.map(({ item }) => item));
}

/** The items of a job in the order of their ordinals. @param limit @defaultValue all of them */
export async function listJobItems(db: Db, jobId: string, limit?: number): Promise<string[]> {
  const rows = await rowsOf<{ item: string }>(
    db.raw('SELECT item FROM matrix_admin.job_items WHERE job_id = ? ORDER BY ordinal, position LIMIT ?', [
      jobId,
      limit ?? null,
    ]),
  );
  return rows.map(({ item }) => item);
}

/** The items of a job in the order in which they were added, from the one after the first `skipped` on. */
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
