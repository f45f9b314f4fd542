import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** A block of state: NIDs of events, with those of their types and state keys. */
export interface StoredBlock {
  readonly nid: number;
  readonly entries: readonly { readonly typeNid: number; readonly stateKeyNid: number; readonly eventNid: number }[];
}

/** The blocks of a snapshot, in order: of entries of the same type and state key that in the last block counts. */
export async function readBlocks(db: Db, snapshotNid: number): Promise<StoredBlock[]> {
  const rows = await rowsOf<{ block: string; type: string; state_key: string; event: string | null }>(
    db.raw(
      `SELECT l.nid AS block, e.event_type_nid AS type, e.event_state_key_nid AS state_key, e.event_nid AS event
       FROM public.roomserver_state_snapshots s
       CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS l(nid, position)
       LEFT JOIN public.roomserver_state_block b ON b.state_block_nid = l.nid
       LEFT JOIN unnest(b.event_nids) AS n(event_nid) ON true
       LEFT JOIN public.roomserver_events e ON e.event_nid = n.event_nid
       WHERE s.state_snapshot_nid = ? ORDER BY l.position`,
      [snapshotNid],
    ),
  );
  const blocks = new Map<string, StoredBlock['entries'][number][]>();
  for (const { block, type, state_key, event } of rows) {
    const entries = blocks.get(block) ?? [];
    blocks.set(block, entries);
    if (event === null) continue;
    entries.push({ typeNid: Number(type), stateKeyNid: Number(state_key), eventNid: Number(event) });
  }
  return [...blocks].map(([nid, entries]) => ({ nid: Number(nid), entries }));
}

interface Hashed {
  readonly hash: Buffer;
  readonly nids: readonly number[];
}

/** A list of NIDs that cannot be stored yet: one of them is new. */
export interface NewList extends Hashed {
  readonly nid: number;
}

/** Stores lists of NIDs under their hashes, and returns the NID of each in order. The same list is stored once. */
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

/** Stores blocks of event NIDs. */
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

/** Stores snapshots, which are lists of block NIDs. */
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

/** Stores blocks that have a new event. */
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

/** Stores snapshots that have a new block. */
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
