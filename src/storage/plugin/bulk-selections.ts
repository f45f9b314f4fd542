import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';
import type { JobData } from './stored-job.ts';

/**
 * A list of users or rooms, and the operation that a job is going to run on each of them. The operation `planBulk` stores the
 * selection. The users or rooms are in the table `bulk_items`.
 */
export interface BulkSelection {
  /** The id of the selection. */
  readonly token: string;
  readonly operation: string;
  /** Parameters of the operation that are the same for all users or rooms. Empty after `forgetBulkOptions()`. */
  readonly options: JobData;
  readonly createdBy: string;
  /** When the selection expires, in ms since the epoch. */
  readonly expiresAt: number;
  /** Whether the selection has started a job. A selection can start only one job. */
  readonly isUsed: boolean;
  /** The job that runs the operation. `undefined` if no job was recorded with `setBulkJob()`. */
  readonly jobId: string | undefined;
}

export const BULK_OUTCOMES = ['waiting', 'ok', 'failed'] as const;

/** One user or room of a selection. */
export interface BulkItem {
  /** Place of the item in the selection. The first item has the position 0. */
  readonly position: number;
  /** The user id or room id. */
  readonly id: string;
  readonly outcome: (typeof BULK_OUTCOMES)[number];
  readonly errcode: string | undefined;
  readonly error: string | undefined;
}

interface SelectionRow {
  token: string;
  operation: string;
  options: JobData;
  created_by: string;
  expires_ms: number;
  is_used: boolean;
  job_id: string | null;
}

interface ItemRow {
  position: number;
  item: string;
  outcome: BulkItem['outcome'];
  errcode: string | null;
  error: string | null;
}

/**
 * Stores a selection with its items, which are user ids or room ids. Returns the token of the selection, and when it expires.
 * Also deletes expired selections that were never used.
 * @param lifetimeMs the time until the selection expires
 */
export async function insertBulkSelection(
  transaction: Knex.Transaction,
  selection: Pick<BulkSelection, 'operation' | 'options' | 'createdBy'> & { readonly items: readonly string[] },
  lifetimeMs: number,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  await transaction.raw(
    'DELETE FROM matrix_admin.bulk_selections WHERE used_at IS NULL AND expires_at < clock_timestamp()',
  );
  const [row] = await rowsOf<{ token: string; expires_ms: number }>(
    transaction.raw(
      `INSERT INTO matrix_admin.bulk_selections (operation, options, created_by, expires_at)
       VALUES (:operation, :options, :createdBy, clock_timestamp() + CAST(:lifetimeMs AS bigint) * interval '1 ms')
       RETURNING token, (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms`,
      {
        operation: selection.operation,
        options: JSON.stringify(selection.options),
        createdBy: selection.createdBy,
        lifetimeMs,
      },
    ),
  );
  const { token = '', expires_ms: expiresAt = 0 } = row ?? {};
  await transaction.raw(
    `INSERT INTO matrix_admin.bulk_items (token, position, item)
     SELECT CAST(? AS uuid), position - 1, item FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS items(item, position)`,
    [token, [...selection.items]],
  );
  return { token, expiresAt: Math.floor(expiresAt) };
}

/**
 * Finds a selection. Returns `undefined` if there is none. With `lock`, other transactions that lock or change the selection
 * wait until this transaction ends.
 */
export async function findBulkSelection(
  db: Db,
  token: string,
  { lock = false }: { readonly lock?: boolean } = {},
): Promise<BulkSelection | undefined> {
  const [row] = await rowsOf<SelectionRow>(
    db.raw(
      `SELECT token, operation, options, created_by, (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms,
         used_at IS NOT NULL AS is_used, job_id
       FROM matrix_admin.bulk_selections WHERE token = ? ${lock ? 'FOR UPDATE' : ''}`,
      [token],
    ),
  );
  return (
    row && {
      token: row.token,
      operation: row.operation,
      options: row.options,
      createdBy: row.created_by,
      expiresAt: Math.floor(row.expires_ms),
      isUsed: row.is_used,
      jobId: row.job_id ?? undefined,
    }
  );
}

/** Marks a selection as used, so that it cannot start a second job. */
export async function useBulkSelection(transaction: Knex.Transaction, token: string): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.bulk_selections SET used_at = clock_timestamp() WHERE token = ?', [token]);
}

/** Records which job runs a selection. When the job is deleted, its selection is deleted too. */
export async function setBulkJob(transaction: Knex.Transaction, token: string, jobId: string): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.bulk_selections SET job_id = ? WHERE token = ?', [jobId, token]);
}

/** Deletes the options of a selection, because they may contain the text of a message. */
export async function forgetBulkOptions(db: Db, token: string): Promise<void> {
  await db.raw(`UPDATE matrix_admin.bulk_selections SET options = '{}' WHERE token = ?`, [token]);
}

/** Lists at most `limit` items of a selection in ascending order of their positions, starting at the position `from`. */
export async function listBulkItems(db: Db, token: string, from: number, limit: number): Promise<BulkItem[]> {
  const rows = await rowsOf<ItemRow>(
    db.raw(
      `SELECT position, item, outcome, errcode, error FROM matrix_admin.bulk_items
       WHERE token = ? AND position >= ? ORDER BY position LIMIT ?`,
      [token, from, limit],
    ),
  );
  return rows.map(({ item, errcode, error, ...row }) => ({
    ...row,
    id: item,
    errcode: errcode ?? undefined,
    error: error ?? undefined,
  }));
}

/** Stores the outcome of the operation for an item. */
export async function setBulkOutcome(
  transaction: Knex.Transaction,
  token: string,
  { position, outcome, errcode, error }: Omit<BulkItem, 'id'>,
): Promise<void> {
  await transaction.raw(
    'UPDATE matrix_admin.bulk_items SET outcome = ?, errcode = ?, error = ? WHERE token = ? AND position = ?',
    [outcome, errcode ?? null, error ?? null, token, position],
  );
}

/** Counts the items of a selection: all items, those for which the operation succeeded, and those for which it failed. */
export async function countBulkItems(
  db: Db,
  token: string,
): Promise<{ readonly total: number; readonly ok: number; readonly failed: number }> {
  const [counts] = await rowsOf<{ total: number; ok: number; failed: number }>(
    db.raw(
      `SELECT count(*)::int AS total, (count(*) FILTER (WHERE outcome = 'ok'))::int AS ok,
         (count(*) FILTER (WHERE outcome = 'failed'))::int AS failed
       FROM matrix_admin.bulk_items WHERE token = ?`,
      [token],
    ),
  );
  return counts ?? { total: 0, ok: 0, failed: 0 };
}
