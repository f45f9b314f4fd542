import { blake2b } from '@noble/hashes/blake2.js';
import type { Knex } from 'knex';
import { insertBlocks, insertSnapshots } from '../storage/roomserver/state.ts';

/** Dendrite adds a block of one event to the list of its predecessor until the list has so many. */
const MAX_BLOCKS = 64;

export const stateIndexKey = (typeNid: number, stateKeyNid: number): string => `${typeNid} ${stateKeyNid}`;

/** A block of a state: NIDs of events by `stateIndexKey()`. In a later block they replace those of the same key. */
export interface StateBlock {
  readonly nid: number;
  readonly entries: ReadonlyMap<string, number>;
}

/** A state event that is appended to a room, or a message with no key. */
export interface ChainedEvent {
  readonly eventNid: number;
  readonly key: string | undefined;
}

/** A block whose NID is yet to come. */
type NewBlock = Omit<StateBlock, 'nid'>;

/** Hash of a list of NIDs as Dendrite makes it: BLAKE2b-256 of its JSON, which is `null` for an empty list in Go. */
function hashOf(nids: readonly number[]): Buffer {
  const json = nids.length === 0 ? 'null' : `[${nids.join(',')}]`;
  return Buffer.from(blake2b(Buffer.from(json), { dkLen: 32 }));
}

const hashed = (nids: readonly number[]): { hash: Buffer; nids: readonly number[] } => ({ hash: hashOf(nids), nids });

/**
 * A list of blocks with one more event. Dendrite writes the whole state anew when the list is full; here the last blocks
 * become one, and the large ones before them stay, so that many changes of a large state take no more room than they need.
 */
function withEvent(blocks: readonly (StateBlock | NewBlock)[], key: string, eventNid: number): readonly NewBlock[] {
  const own = { entries: new Map([[key, eventNid]]) };
  if (blocks.length < MAX_BLOCKS) return [...blocks, own];
  let first = blocks.length - 2;
  let entries = blocks.slice(first).reduce((size, block) => size + block.entries.size, 1);
  for (; first > 0 && (blocks[first - 1]?.entries.size ?? 0) <= 2 * entries; first -= 1) {
    entries += blocks[first - 1]?.entries.size ?? 0;
  }
  const merged = new Map([...blocks.slice(first), own].flatMap((block) => [...block.entries]));
  return [...blocks.slice(0, first), { entries: merged }];
}

/**
 * Stores the states between events, each of which follows the one before it. Returns the NIDs of the snapshots: that before
 * the first event, and that after each.
 */
export async function storeStateChain(
  transaction: Knex.Transaction,
  roomNid: number,
  before: { readonly snapshotNid: number | undefined; readonly blocks: readonly StateBlock[] },
  events: readonly ChainedEvent[],
): Promise<number[]> {
  const lists: (readonly (StateBlock | NewBlock)[])[] = [before.blocks];
  for (const { eventNid, key } of events) {
    const last = lists.at(-1) ?? [];
    lists.push(key === undefined ? last : withEvent(last, key, eventNid));
  }
  const created = [...new Set(lists.flat())].filter((block) => !('nid' in block));
  const stored = await insertBlocks(
    transaction,
    created.map(({ entries }) => hashed([...entries.values()].sort((a, b) => a - b))),
  );
  const newNids = new Map(created.map((block, i) => [block, stored[i]]));
  const nidOf = (block: StateBlock | NewBlock): number =>
    'nid' in block ? block.nid : (newNids.get(block) ?? Number.NaN);
  // Snapshots are stored once each, though many events share one.
  const unique = [...new Set(lists)].filter((list) => list !== lists[0] || before.snapshotNid === undefined);
  const snapshots = await insertSnapshots(
    transaction,
    roomNid,
    unique.map((list) => hashed(list.map(nidOf))),
  );
  const snapshotNids = new Map(unique.map((list, i) => [list, snapshots[i]]));
  return lists.map((list) => snapshotNids.get(list) ?? before.snapshotNid ?? Number.NaN);
}

/** Stores a state by itself, in one block. */
export async function storeState(
  transaction: Knex.Transaction,
  roomNid: number,
  entries: ReadonlyMap<string, number>,
): Promise<{ readonly snapshotNid: number; readonly blocks: readonly StateBlock[] }> {
  const [nid = Number.NaN] = await insertBlocks(transaction, [hashed([...entries.values()].sort((a, b) => a - b))]);
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [hashed([nid])]);
  return { snapshotNid, blocks: [{ nid, entries }] };
}
