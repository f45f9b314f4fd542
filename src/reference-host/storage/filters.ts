import type { Knex } from 'knex';
import { isRecord, toJson } from '../../matrix/index.ts';

export type Filter = Readonly<Record<string, unknown>>;

/** Stores a filter for `/sync`. Stores nothing if the user has stored the same filter before. @returns the filter's id */
export async function storeFilter(db: Knex, localpart: string, filter: Filter): Promise<string> {
  const row = { localpart, filter: toJson(filter) };
  const known = await db('public.syncapi_filter').where(row).first('id');
  const [stored] = known === undefined ? await db('public.syncapi_filter').insert(row, 'id') : [known];
  return String(stored?.id);
}

/** Reads a filter of a user by its id. Returns `undefined` if the user has no filter with this id. */
export async function findFilter(db: Knex, localpart: string, filterId: string): Promise<Filter | undefined> {
  if (!/^\d{1,9}$/.test(filterId)) return undefined;
  const row = await db('public.syncapi_filter').where({ localpart, id: filterId }).first('filter');
  const filter: unknown = row && JSON.parse(row.filter);
  return isRecord(filter) ? filter : undefined;
}
