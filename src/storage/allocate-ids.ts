import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/**
 * The ids of a new event. `allocateIds()` takes the ids from the database's sequences before the caller writes the event, so
 * that one statement can write rows that refer to each other. A NID is a number by which Dendrite's tables refer to an event, a
 * state block or a state snapshot.
 */
export interface AllocatedIds {
  readonly eventNid: number;
  /** NID of the new state block. Only a state event uses it. */
  readonly blockNid: number;
  /** NID of the state snapshot after the event. Only a state event uses it. */
  readonly snapshotNid: number;
  /** Primary key of the event in `syncapi_output_room_events`, and its position in the stream of `/sync`. */
  readonly streamId: number;
}

/** Allocates ids for `count` new events. In the result, each kind of id ascends from event to event. */
export async function allocateIds(transaction: Knex.Transaction, count: number): Promise<AllocatedIds[]> {
  const [eventNids, blockNids, snapshotNids, streamIds] = await nextKeys(
    transaction,
    ['roomserver_events', 'roomserver_state_block', 'roomserver_state_snapshots', 'syncapi_output_room_events'],
    count,
  );
  return Array.from({ length: count }, (_, i) => ({
    eventNid: eventNids?.[i] ?? Number.NaN,
    blockNid: blockNids?.[i] ?? Number.NaN,
    snapshotNid: snapshotNids?.[i] ?? Number.NaN,
    streamId: streamIds?.[i] ?? Number.NaN,
  }));
}

/**
 * Allocates event NIDs for `count` new outliers, in ascending order. An outlier is an event that the homeserver has stored
 * without knowing its place in the room's history.
 */
export async function allocateEventNids(transaction: Knex.Transaction, count: number): Promise<number[]> {
  const [eventNids = []] = await nextKeys(transaction, ['roomserver_events'], count);
  return eventNids;
}

/**
 * Takes `count` values from the sequence of each table's primary key, and sorts them. The name of a sequence depends on the age
 * of the database, so the function finds the sequence through the default value of the primary key.
 * @throws Error if the primary key of a table has no sequence
 */
async function nextKeys(transaction: Knex.Transaction, tables: readonly string[], count: number): Promise<number[][]> {
  const rows = await rowsOf<{ table: string; key: string }>(
    transaction.raw(
      `SELECT t.name AS table, nextval(s.oid::regclass) AS key
       FROM unnest(?::text[]) AS t(name)
       JOIN pg_attrdef d ON d.adrelid = ('public.' || t.name)::regclass
       JOIN pg_depend u ON u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid AND u.refclassid = 'pg_class'::regclass
       JOIN pg_class s ON s.oid = u.refobjid AND s.relkind = 'S'
       CROSS JOIN generate_series(1, ?)`,
      [[...tables], count],
    ),
  );
  const keys = new Map(tables.map((table) => [table, [] as number[]]));
  for (const { table, key } of rows) keys.get(table)?.push(Number(key));
  return tables.map((table) => {
    const found = keys.get(table) ?? [];
    if (found.length !== count) throw new Error(`the primary key of ${table} has no sequence`);
    return found.sort((a, b) => a - b);
  });
}
