import { blake2b } from '@noble/hashes/blake2.js';
import type { Knex } from 'knex';
import { insertBlocks, insertSnapshots } from '../storage/roomserver/state.ts';

/** Dendrite adds a block of one event to the list of its predecessor until the list has so many. */
const MAX_BLOCKS = 64;

/** The state of a room, by `stateIndexKey()`: NIDs of the events. */
export type StateIndex = ReadonlyMap<string, number>;

export const stateIndexKey = (typeNid: number, stateKeyNid: number): string => `${typeNid} ${stateKeyNid}`;

/** A state event that is appended to a room, or a message with no key. */
export interface ChainedEvent {
  readonly eventNid: number;
  readonly key: string | undefined;
}

/** A block that is stored already, or the position of a new one. */
type BlockRef = { readonly nid: number } | { readonly position: number };

/** Hash of a list of NIDs as Dendrite makes it: BLAKE2b-256 of its JSON, which is `null` for an empty list in Go. */
function hashOf(nids: readonly number[]): Buffer {
  const json = nids.length === 0 ? 'null' : `[${nids.join(',')}]`;
  return Buffer.from(blake2b(Buffer.from(json), { dkLen: 32 }));
}

const hashed = (nids: readonly number[]): { hash: Buffer; nids: readonly number[] } => ({ hash: hashOf(nids), nids });

/**
 * Stores the states between events, each of which follows the one before it. Returns the NIDs of the snapshots: that before
 * the first event, and that after each.
 */
export async function storeStateChain(
  transaction: Knex.Transaction,
  roomNid: number,
  before: {
    readonly snapshotNid: number | undefined;
    readonly blockNids: readonly number[];
    readonly index: StateIndex;
  },
  events: readonly ChainedEvent[],
): Promise<number[]> {
  const blocks: (readonly number[])[] = [];
  const lists: (readonly BlockRef[])[] = [before.blockNids.map((nid) => ({ nid }))];
  const index = new Map(before.index);
  for (const { eventNid, key } of events) {
    const last = lists.at(-1) ?? [];
    if (key === undefined) {
      lists.push(last);
      continue;
    }
    index.set(key, eventNid);
    const isFull = last.length >= MAX_BLOCKS;
    blocks.push(isFull ? [...index.values()].sort((a, b) => a - b) : [eventNid]);
    lists.push([...(isFull ? [] : last), { position: blocks.length - 1 }]);
  }
  const blockNids = await insertBlocks(transaction, blocks.map(hashed));
  const nidOf = (block: BlockRef): number => ('nid' in block ? block.nid : (blockNids[block.position] ?? Number.NaN));
  // Snapshots are stored once each, though many events share one.
  const unique = [...new Set(lists)].filter((list) => list !== lists[0] || before.snapshotNid === undefined);
  const stored = await insertSnapshots(
    transaction,
    roomNid,
    unique.map((list) => hashed(list.map(nidOf))),
  );
  const snapshotNids = new Map(unique.map((list, i) => [list, stored[i]]));
  return lists.map((list) => snapshotNids.get(list) ?? before.snapshotNid ?? Number.NaN);
}

/** Stores a state by itself, in one block. */
export async function storeState(
  transaction: Knex.Transaction,
  roomNid: number,
  eventNids: readonly number[],
): Promise<{ readonly snapshotNid: number; readonly blockNids: readonly number[] }> {
  const blockNids = await insertBlocks(transaction, [hashed([...new Set(eventNids)].sort((a, b) => a - b))]);
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [hashed(blockNids)]);
  return { snapshotNid, blockNids };
}
