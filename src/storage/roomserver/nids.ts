import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** The dictionaries of event types and state keys, which all rooms share. */
const DICTIONARIES = {
  eventTypes: { table: 'roomserver_event_types', nid: 'event_type_nid', text: 'event_type' },
  stateKeys: { table: 'roomserver_event_state_keys', nid: 'event_state_key_nid', text: 'event_state_key' },
} as const;
type Dictionary = keyof typeof DICTIONARIES;

/** NIDs of those texts that have one. */
export async function findNids(db: Db, dictionary: Dictionary, texts: readonly string[]): Promise<Map<string, number>> {
  const { table, nid, text } = DICTIONARIES[dictionary];
  const rows = await rowsOf<{ nid: string; text: string }>(
    db.raw('SELECT ?? AS nid, ?? AS text FROM public.?? WHERE ?? = ANY(?)', [nid, text, table, text, [...texts]]),
  );
  return new Map(rows.map((row) => [row.text, Number(row.nid)]));
}

/** NIDs of all texts; those that have none are given one. */
export async function assignNids(
  transaction: Knex.Transaction,
  dictionary: Dictionary,
  texts: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const unique = [...new Set(texts)].sort();
  const known = await findNids(transaction, dictionary, unique);
  const missing = unique.filter((text) => !known.has(text));
  if (missing.length === 0) return known;
  const { table, text } = DICTIONARIES[dictionary];
  await transaction.raw('INSERT INTO public.?? (??) SELECT unnest(?::text[]) ON CONFLICT DO NOTHING', [
    table,
    text,
    missing,
  ]);
  return new Map([...known, ...(await findNids(transaction, dictionary, missing))]);
}
