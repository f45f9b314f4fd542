import type { Knex } from 'knex';
import { rowsOf } from './database.ts';
import { addCounts, type Deletion, deleteRows, nextKeyRange, type Position, type RowCounts } from './deletion.ts';

/**
 * Tables in which a room id occurs only inside a JSON text. `key` and `json` are names of columns. When `changeJsonRows()`
 * deletes a row, it also deletes the rows with the same key from the tables in `with`.
 */
const JSON_TABLES = {
  sendToDevice: { table: 'public.syncapi_send_to_device', key: 'id', json: 'content', with: [] },
  filters: { table: 'public.syncapi_filter', key: 'id', json: 'filter', with: [] },
  federationQueue: {
    table: 'public.federationsender_queue_json',
    key: 'json_nid',
    json: 'json_body',
    with: ['public.federationsender_queue_pdus', 'public.federationsender_queue_edus'],
  },
} as const;

export type JsonTable = keyof typeof JSON_TABLES;

/** Receives the JSON of a row. Returns the new JSON, `null` to delete the row, or `undefined` to leave the row unchanged. */
export type ChangeJson = (json: string) => string | null | undefined;

/** Which rows to change, and how. */
export interface JsonChange {
  /** `change` is called only for rows whose JSON contains this text. */
  readonly needle: string;
  readonly change: ChangeJson;
}

/**
 * Changes or deletes rows of a table whose keys are in the next range. The range starts at the first existing key after the
 * position, and spans `width` key values, so it may have fewer rows. `deleted` in the result counts changed and deleted rows.
 */
export async function changeJsonRows(
  transaction: Knex.Transaction,
  name: JsonTable,
  position: Position,
  width: number,
  { needle, change }: JsonChange,
): Promise<Deletion> {
  const { table, key, json, with: others } = JSON_TABLES[name];
  const { after, upTo, next } = await nextKeyRange(transaction, { table, key }, position, width);
  const rows = await rowsOf<{ key: string; json: string }>(
    transaction.raw(
      `SELECT ${key} AS key, ${json} AS json FROM ${table}
       WHERE ${key} > CAST(? AS bigint) AND ${key} <= CAST(? AS bigint) AND strpos(${json}, ?) > 0 ORDER BY ${key} FOR UPDATE`,
      [after, upTo, needle],
    ),
  );
  const gone: string[] = [];
  let counts: RowCounts = {};
  for (const row of rows) {
    const changed = change(row.json);
    if (changed === null) gone.push(row.key);
    if (typeof changed !== 'string') continue;
    await transaction.raw(`UPDATE ${table} SET ${json} = ? WHERE ${key} = ?`, [changed, row.key]);
    counts = addCounts(counts, { [table.replace('public.', '')]: 1 });
  }
  for (const target of [...others, table]) {
    counts = addCounts(counts, await deleteRows(transaction, target, `${key} = ANY(:gone)`, { gone }));
  }
  return { deleted: counts, next };
}
