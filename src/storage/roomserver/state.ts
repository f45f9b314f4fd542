import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/**
 * Some entries of a state block. Dendrite stores a state snapshot as a list of blocks, and a block as a list of state events.
 * Each event is an entry. The entries are in ascending order of the NIDs of type and state key. A block has only one entry for
 * each type and state key. A NID is the number that Dendrite gives an event type, a state key, an event, a block or a snapshot.
 */
export interface BlockPart {
  readonly blockNid: number;
  /** Converts the entries from the texts that the database returns. Each call converts them again. */
  readonly entries: () => { readonly typeNid: number; readonly stateKeyNid: number; readonly eventNid: number }[];
}

/** Reads the NIDs of a snapshot's blocks, in order. Returns `undefined` if the snapshot does not exist. */
export async function readSnapshot(db: Db, snapshotNid: number): Promise<number[] | undefined> {
  const [row] = await rowsOf<{ nids: string[] }>(
    db.raw(
      'SELECT state_block_nids::text[] AS nids FROM public.roomserver_state_snapshots WHERE state_snapshot_nid = ?',
      [snapshotNid],
    ),
  );
  return row?.nids.map(Number);
}

/** Maximum number of entries in one part of a block. */
const PART = 1_000;

interface PartRow {
  block: string;
  types: string;
  state_keys: string;
  events: string;
}

/**
 * Reads blocks in ascending order of their NIDs. Each block comes in one or more parts, because a block of a large room has
 * many entries. The caller calls `entries()` of one part at a time, so that the event loop is not blocked for long.
 */
export async function readBlocks(db: Db, blockNids: readonly number[]): Promise<BlockPart[]> {
  if (blockNids.length === 0) return [];
  const rows = await rowsOf<PartRow>(
    db.raw(
      `WITH entries AS (
         SELECT DISTINCT ON (b.state_block_nid, e.event_type_nid, e.event_state_key_nid)
           b.state_block_nid AS block, e.event_type_nid AS type, e.event_state_key_nid AS state_key, e.event_nid AS event
         FROM public.roomserver_state_block b
         CROSS JOIN unnest(b.event_nids) AS n(event_nid)
         JOIN public.roomserver_events e ON e.event_nid = n.event_nid
         WHERE b.state_block_nid = ANY(?)
         ORDER BY b.state_block_nid, e.event_type_nid, e.event_state_key_nid, e.event_nid DESC),
       parts AS (
         SELECT *, (row_number() OVER (PARTITION BY block ORDER BY type, state_key) - 1) / ${PART} AS part FROM entries)
       SELECT block, string_agg(type::text, ',' ORDER BY type, state_key) AS types,
         string_agg(state_key::text, ',' ORDER BY type, state_key) AS state_keys,
         string_agg(event::text, ',' ORDER BY type, state_key) AS events
       FROM parts GROUP BY block, part ORDER BY block, part`,
      [[...blockNids]],
    ),
  );
  return rows.map((row) => ({ blockNid: Number(row.block), entries: () => entriesOf(row) }));
}

function entriesOf({ types, state_keys, events }: PartRow): ReturnType<BlockPart['entries']> {
  const [typeNids, stateKeyNids] = [types.split(','), state_keys.split(',')];
  return events.split(',').map((eventNid, i) => ({
    typeNid: Number(typeNids[i]),
    stateKeyNid: Number(stateKeyNids[i]),
    eventNid: Number(eventNid),
  }));
}

/** A list of NIDs and its hash. Dendrite uses the hash to find an equal list that is already stored. */
interface Hashed {
  readonly hash: Buffer;
  readonly nids: readonly number[];
}

/** A list that is stored under the NID `nid`. The caller got this NID from `allocateIds()`. */
export interface NewList extends Hashed {
  readonly nid: number;
}

/**
 * Stores lists. If several lists are equal, or a list is already stored, the table has only one row for them.
 * @param first bindings of the statement that precede the lists
 * @returns the NID of each list, in the order of `lists`
 */
async function insertHashed(
  transaction: Knex.Transaction,
  sql: string,
  lists: readonly Hashed[],
  first: readonly number[],
): Promise<number[]> {
  if (lists.length === 0) return [];
  const unique = new Map(lists.map((list) => [list.hash.toString('hex'), list]));
  const rows = await rowsOf<{ hash: Buffer; nid: string }>(
    transaction.raw(sql, [
      ...first,
      [...unique.values()].map(({ hash }) => hash),
      [...unique.values()].map(({ nids }) => `{${nids.join(',')}}`),
    ]),
  );
  const nids = new Map(rows.map((row) => [row.hash.toString('hex'), Number(row.nid)]));
  return lists.map(({ hash }) => nids.get(hash.toString('hex')) ?? Number.NaN);
}

/** Stores state blocks. A block is a list of the NIDs of events. @returns the NID of each block, in order */
export async function insertBlocks(transaction: Knex.Transaction, blocks: readonly Hashed[]): Promise<number[]> {
  return insertHashed(
    transaction,
    `INSERT INTO public.roomserver_state_block AS b (state_block_hash, event_nids)
     SELECT hash, nids::bigint[] FROM unnest(?::bytea[], ?::text[]) WITH ORDINALITY AS l(hash, nids, position) ORDER BY position
     ON CONFLICT (state_block_hash) DO UPDATE SET event_nids = excluded.event_nids
     RETURNING b.state_block_hash AS hash, b.state_block_nid AS nid`,
    blocks,
    [],
  );
}

/**
 * Stores snapshots. A snapshot is a list of the NIDs of blocks. A snapshot that is already stored for another room becomes one
 * of this room. @returns the NID of each snapshot, in order
 */
export async function insertSnapshots(
  transaction: Knex.Transaction,
  roomNid: number,
  snapshots: readonly Hashed[],
): Promise<number[]> {
  return insertHashed(
    transaction,
    `INSERT INTO public.roomserver_state_snapshots AS s (room_nid, state_snapshot_hash, state_block_nids)
     SELECT ?, hash, nids::bigint[] FROM unnest(?::bytea[], ?::text[]) WITH ORDINALITY AS l(hash, nids, position) ORDER BY position
     ON CONFLICT (state_snapshot_hash) DO UPDATE SET room_nid = excluded.room_nid
     RETURNING s.state_snapshot_hash AS hash, s.state_snapshot_nid AS nid`,
    snapshots,
    [roomNid],
  );
}

/**
 * Returns the statement that stores blocks under NIDs that the caller has chosen. Each block must contain a new event. Dendrite
 * cannot have stored such a block already.
 */
export function insertNewBlocks(blocks: readonly NewList[]): Write[] {
  if (blocks.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_state_block (state_block_nid, state_block_hash, event_nids)
            SELECT nid, hash, nids::bigint[] FROM unnest(?::bigint[], ?::bytea[], ?::text[]) AS l(nid, hash, nids)`,
      bindings: listsOf(blocks),
    },
  ];
}

/**
 * Returns the statement that stores snapshots under NIDs that the caller has chosen. Each snapshot must contain a new block.
 * Dendrite cannot have stored such a snapshot already.
 */
export function insertNewSnapshots(roomNid: number, snapshots: readonly NewList[]): Write[] {
  if (snapshots.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_state_snapshots (state_snapshot_nid, room_nid, state_snapshot_hash, state_block_nids)
            SELECT nid, ?, hash, nids::bigint[] FROM unnest(?::bigint[], ?::bytea[], ?::text[]) AS l(nid, hash, nids)`,
      bindings: [roomNid, ...listsOf(snapshots)],
    },
  ];
}

const listsOf = (lists: readonly NewList[]): Knex.RawBinding[] => [
  lists.map(({ nid }) => nid),
  lists.map(({ hash }) => hash),
  lists.map(({ nids }) => `{${nids.join(',')}}`),
];
