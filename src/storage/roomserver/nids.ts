import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/** The dictionaries of event types and state keys, which all rooms share. */
const DICTIONARIES = {
  eventTypes: { table: 'public.roomserver_event_types', nid: 'event_type_nid', text: 'event_type' },
  stateKeys: { table: 'public.roomserver_event_state_keys', nid: 'event_state_key_nid', text: 'event_state_key' },
} as const;
type Dictionary = keyof typeof DICTIONARIES;
const ALL = Object.keys(DICTIONARIES) as readonly Dictionary[];

/** Texts of one dictionary or of both. */
export type Texts = Readonly<Partial<Record<Dictionary, readonly string[]>>>;
/** NIDs by their texts. */
export type Nids = Readonly<Record<Dictionary, ReadonlyMap<string, number>>>;

export const NO_NIDS: Nids = { eventTypes: new Map(), stateKeys: new Map() };

/** NIDs of those texts that have one. */
export async function findNids(db: Db, texts: Texts): Promise<Nids> {
  const asked = ALL.filter((dictionary) => (texts[dictionary]?.length ?? 0) > 0);
  if (asked.length === 0) return NO_NIDS;
  const selects = asked.map((dictionary) => {
    const { table, nid, text } = DICTIONARIES[dictionary];
    return `SELECT '${dictionary}' AS dictionary, ${nid} AS nid, ${text} AS text FROM ${table} WHERE ${text} = ANY(?)`;
  });
  const rows = await rowsOf<{ dictionary: Dictionary; nid: string; text: string }>(
    db.raw(
      selects.join(' UNION ALL '),
      asked.map((dictionary) => [...new Set(texts[dictionary])]),
    ),
  );
  const found = { eventTypes: new Map<string, number>(), stateKeys: new Map<string, number>() };
  for (const { dictionary, nid, text } of rows) found[dictionary].set(text, Number(nid));
  return found;
}

/** NIDs of all texts; those that have none are given one. @param known NIDs that need not be looked up */
export async function assignNids(transaction: Knex.Transaction, texts: Texts, known: Nids = NO_NIDS): Promise<Nids> {
  const found = merged(known, await findNids(transaction, without(texts, known)));
  const missing = without(texts, found);
  for (const dictionary of ALL) {
    const { table, text } = DICTIONARIES[dictionary];
    const added = [...new Set(missing[dictionary])].sort();
    if (added.length === 0) continue;
    await transaction.raw(`INSERT INTO ${table} (${text}) SELECT unnest(?::text[]) ON CONFLICT DO NOTHING`, [added]);
  }
  return merged(found, await findNids(transaction, missing));
}

const without = (texts: Texts, { eventTypes, stateKeys }: Nids): Texts => ({
  eventTypes: texts.eventTypes?.filter((text) => !eventTypes.has(text)) ?? [],
  stateKeys: texts.stateKeys?.filter((text) => !stateKeys.has(text)) ?? [],
});

const merged = (a: Nids, b: Nids): Nids => ({
  eventTypes: new Map([...a.eventTypes, ...b.eventTypes]),
  stateKeys: new Map([...a.stateKeys, ...b.stateKeys]),
});
