import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/**
 * Dendrite's tables that store event types and state keys, and give each of these texts a number, the NID. All rooms share
 * these tables. User ids are state keys too.
 */
const DICTIONARIES = {
  eventTypes: { table: 'public.roomserver_event_types', nid: 'event_type_nid', text: 'event_type' },
  stateKeys: { table: 'public.roomserver_event_state_keys', nid: 'event_state_key_nid', text: 'event_state_key' },
} as const;
type Dictionary = keyof typeof DICTIONARIES;
const ALL = Object.keys(DICTIONARIES) as readonly Dictionary[];

/** The event types and the state keys whose NIDs are wanted. */
export type Texts = Readonly<Partial<Record<Dictionary, readonly string[]>>>;
/** The NIDs of event types and of state keys, by text. */
export type Nids = Readonly<Record<Dictionary, ReadonlyMap<string, number>>>;

export const NO_NIDS: Nids = { eventTypes: new Map(), stateKeys: new Map() };

/** Finds the NIDs of texts. The result lacks texts that have no NID. */
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

/**
 * Returns the NIDs of texts. Assigns new NIDs to texts that have none.
 * @param known NIDs that the caller has already read. The function does not read the NIDs of these texts again.
 */
export async function assignNids(transaction: Knex.Transaction, texts: Texts, known: Nids = NO_NIDS): Promise<Nids> {
  const unknown = without(texts, known);
  const found = await findNids(transaction, unknown);
  const missing = without(unknown, found);
  for (const dictionary of ALL) {
    const { table, text } = DICTIONARIES[dictionary];
    const added = [...new Set(missing[dictionary])].sort();
    if (added.length === 0) continue;
    await transaction.raw(`INSERT INTO ${table} (${text}) SELECT unnest(?::text[]) ON CONFLICT DO NOTHING`, [added]);
  }
  const assigned = await findNids(transaction, missing);
  const nidsOf = (dictionary: Dictionary): Map<string, number> =>
    new Map([...pick(texts[dictionary], known[dictionary]), ...found[dictionary], ...assigned[dictionary]]);
  return { eventTypes: nidsOf('eventTypes'), stateKeys: nidsOf('stateKeys') };
}

const without = (texts: Texts, { eventTypes, stateKeys }: Nids): Texts => ({
  eventTypes: texts.eventTypes?.filter((text) => !eventTypes.has(text)) ?? [],
  stateKeys: texts.stateKeys?.filter((text) => !stateKeys.has(text)) ?? [],
});

/**
 * Returns those of the known NIDs that belong to the given texts. The caller of `assignNids()` may know many more NIDs than it
 * asks for, for example those of a large room.
 */
function pick(texts: readonly string[] = [], known: ReadonlyMap<string, number>): [string, number][] {
  return texts.flatMap((text): [string, number][] => {
    const nid = known.get(text);
    return nid === undefined ? [] : [[text, nid]];
  });
}
