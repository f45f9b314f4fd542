import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/** Number of rows that were deleted or changed, by the name of the table without its schema. */
export type RowCounts = Readonly<Record<string, number>>;

/**
 * How far work that runs in steps has come: the key, of one or more columns, up to which the steps have read a table. The key
 * is empty at the beginning. It stays empty if each step finds its rows without a key.
 */
export type Position = readonly (string | number)[];

/** The result of one step of work that deletes or changes rows. */
export interface Deletion {
  /** Number of rows that the step has deleted or changed. */
  readonly deleted: RowCounts;
  /** The position after which the next step starts. `undefined` after the last step. */
  readonly next: Position | undefined;
}

/** Adds two counts table by table. */
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
 * Runs a statement that deletes from several tables. The statement must return one row, with a column for each table. The
 * column has the name of the table and contains the number of rows that were deleted from it.
 * @returns the number of deleted rows, by table
 */
export async function countsOf(query: PromiseLike<{ rows: Record<string, string>[] }>): Promise<RowCounts> {
  const [row = {}] = await rowsOf(query);
  return Object.fromEntries(Object.entries(row).map(([table, count]) => [table, Number(count)]));
}

/** A range of values of a numeric key: above `after`, and up to and including `upTo`. */
export interface KeyRange {
  readonly after: number;
  readonly upTo: number;
  /** The position after which the next range starts. `undefined` if no row has a key above `upTo`. */
  readonly next: Position | undefined;
}

/**
 * Returns the next range of a numeric key. The range starts at the first key that exists after the position, and spans `width`
 * values, whether or not rows with these keys exist.
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
