import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/** Number of rows that were deleted or changed, by table. */
export type RowCounts = Readonly<Record<string, number>>;

/** The position in a table that is read in steps: the key of the last row that was read. Empty at the beginning. */
export type Position = readonly (string | number)[];

/** The result of one step of a deletion. */
export interface Deletion {
  readonly deleted: RowCounts;
  /** The position at which the next step starts. `undefined` after the last step. */
  readonly next: Position | undefined;
}

export function addCounts(one: RowCounts, other: RowCounts): RowCounts {
  const tables = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...tables].map((table) => [table, (one[table] ?? 0) + (other[table] ?? 0)]));
}

/** Runs one `DELETE` statement. @returns the number of rows that it deleted, by table */
export async function deleteRows(
  transaction: Knex.Transaction,
  table: string,
  condition: string,
  bindings: Readonly<Record<string, unknown>>,
): Promise<RowCounts> {
  const result = await transaction.raw<{ rowCount: number | null }>(`DELETE FROM ${table} WHERE ${condition}`, {
    ...bindings,
  } as Record<string, Knex.Value>);
  return { [table.replace(/^\w+\./, '')]: result.rowCount ?? 0 };
}

/**
 * Runs a statement that deletes from several tables. The statement must return one row with a count for each table, for example
 * by `SELECT (SELECT count(*) FROM …) AS table_name, …`.
 * @returns the number of deleted rows, by table
 */
export async function countsOf(query: PromiseLike<{ rows: Record<string, string>[] }>): Promise<RowCounts> {
  const [row = {}] = await rowsOf(query);
  return Object.fromEntries(Object.entries(row).map(([table, count]) => [table, Number(count)]));
}

/** A range of values of a numeric key, and the position at which the next range starts. */
export interface KeyRange {
  readonly after: number;
  readonly upTo: number;
  readonly next: Position | undefined;
}

/**
 * Returns the range of the next `width` values of a numeric key. The range starts at the first existing value after the
 * position.
 */
export async function nextKeyRange(
  transaction: Knex.Transaction,
  { table, key }: { readonly table: string; readonly key: string },
  [position = 0]: Position,
  width: number,
): Promise<KeyRange> {
  const [row] = await rowsOf<{ first: string | null; last: string | null }>(
    transaction.raw(`SELECT min(${key}) AS first, max(${key}) AS last FROM ${table} WHERE ${key} > CAST(? AS bigint)`, [
      position,
    ]),
  );
  const after = Number(row?.first ?? 1) - 1;
  const upTo = after + width;
  return { after, upTo, next: upTo >= Number(row?.last ?? 0) ? undefined : [upTo] };
}
