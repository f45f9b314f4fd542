import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/** Rows deleted or changed, by table. */
export type RowCounts = Readonly<Record<string, number>>;

/** The position of a walk through a table: the key of the last row read. Empty at the beginning. */
export type Position = readonly (string | number)[];

/** The result of one step of a walk. */
export interface Deletion {
  readonly deleted: RowCounts;
  /** The position at which the next step starts. `undefined` after the last step. */
  readonly next: Position | undefined;
}

export function addCounts(one: RowCounts, other: RowCounts): RowCounts {
  const tables = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...tables].map((table) => [table, (one[table] ?? 0) + (other[table] ?? 0)]));
}

/** Runs one statement, and returns how many rows of the table it deleted. */
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
 * Returns the counts of a statement with several deletions. The statement returns one row: `SELECT (SELECT count(*) FROM …)
 * AS table_name, …`.
 */
export async function countsOf(query: PromiseLike<{ rows: Record<string, string>[] }>): Promise<RowCounts> {
  const [row = {}] = await rowsOf(query);
  return Object.fromEntries(Object.entries(row).map(([table, count]) => [table, Number(count)]));
}

/** A range of a numeric key, and the position of the next range. */
export interface KeyRange {
  readonly after: number;
  readonly upTo: number;
  readonly next: Position | undefined;
}

/** The next `width` values of a numeric key. Starts at the first existing value after the position. */
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
