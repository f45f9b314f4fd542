import { blake2b } from '@noble/hashes/blake2.js';
import type { Knex } from 'knex';
import { inSlices } from '../in-slices.ts';
import { sorted } from '../matrix/sorted.ts';
import type { AllocatedIds } from '../storage/allocate-ids.ts';
import {
  insertBlocks,
  insertNewBlocks,
  insertNewSnapshots,
  insertSnapshots,
  type NewList,
} from '../storage/roomserver/state.ts';
import type { Write } from '../storage/write-together.ts';

/** Dendrite adds a block of one event to the list of its predecessor until the list has so many. */
const MAX_BLOCKS = 64;

export const stateIndexKey = (typeNid: number, stateKeyNid: number): string => `${typeNid} ${stateKeyNid}`;

/** A block of a state: NIDs of events by `stateIndexKey()`. In a later block they replace those of the same key. */
export interface StateBlock {
  readonly nid: number;
  readonly entries: ReadonlyMap<string, number>;
}

/** A state event that is appended to a room, or a message with no key. */
export interface ChainedEvent extends Pick<AllocatedIds, 'eventNid' | 'blockNid' | 'snapshotNid'> {
  readonly key: string | undefined;
}

/** Hash of a list of NIDs as Dendrite makes it: BLAKE2b-256 of its JSON, which is `null` for an empty list in Go. */
function hashOf(nids: readonly number[]): Buffer {
  const json = nids.length === 0 ? 'null' : `[${nids.join(',')}]`;
  return Buffer.from(blake2b(Buffer.from(json), { dkLen: 32 }));
}

const hashed = (nids: readonly number[]): { hash: Buffer; nids: readonly number[] } => ({ hash: hashOf(nids), nids });
const ascending = (a: number, b: number): number => a - b;

/**
 * The block that adds an event to a list of blocks, and those before it. Dendrite writes the whole state anew when the list
 * is full; here the last blocks become one, and the large ones before them stay, so that many changes of a large state take
 * no more room than they need.
 */
function withEvent(
  blocks: readonly StateBlock[],
  key: string,
  { eventNid, blockNid }: ChainedEvent,
): { kept: readonly StateBlock[]; block: StateBlock } {
  const own = new Map([[key, eventNid]]);
  if (blocks.length < MAX_BLOCKS) return { kept: blocks, block: { nid: blockNid, entries: own } };
  let first = blocks.length - 2;
  let entries = blocks.slice(first).reduce((size, block) => size + block.entries.size, 1);
  for (; first > 0 && (blocks[first - 1]?.entries.size ?? 0) <= 2 * entries; first -= 1) {
    entries += blocks[first - 1]?.entries.size ?? 0;
  }
  const merged = new Map([...blocks.slice(first).map((block) => block.entries), own].flatMap((block) => [...block]));
  return { kept: blocks.slice(0, first), block: { nid: blockNid, entries: merged } };
}

/** The states between events, each of which follows the one before it. */
export interface StateChain {
  /** NIDs of the snapshots: that before the first event, and that after each. */
  readonly snapshotNids: readonly number[];
  /** What stores them. */
  readonly writes: readonly Write[];
}

/** Adds events to a state that is stored. */
export function chainStates(
  roomNid: number,
  before: { readonly snapshotNid: number; readonly blocks: readonly StateBlock[] },
  events: readonly ChainedEvent[],
): StateChain {
  let { blocks } = before;
  const snapshotNids = [before.snapshotNid];
  const newBlocks: NewList[] = [];
  const newSnapshots: NewList[] = [];
  for (const event of events) {
    if (event.key !== undefined) {
      const { kept, block } = withEvent(blocks, event.key, event);
      blocks = [...kept, block];
      newBlocks.push({ nid: block.nid, ...hashed([...block.entries.values()].sort(ascending)) });
      newSnapshots.push({ nid: event.snapshotNid, ...hashed(blocks.map(({ nid }) => nid)) });
    }
    snapshotNids.push(event.key === undefined ? (snapshotNids.at(-1) ?? Number.NaN) : event.snapshotNid);
  }
  return { snapshotNids, writes: [...insertNewBlocks(newBlocks), ...insertNewSnapshots(roomNid, newSnapshots)] };
}

/** Stores a state by itself, in one block. */
export async function storeState(
  transaction: Knex.Transaction,
  roomNid: number,
  entries: ReadonlyMap<string, number>,
): Promise<{ readonly snapshotNid: number; readonly blocks: readonly StateBlock[] }> {
  const nids = await inSlices(sorted([...entries.values()], ascending));
  const [nid = Number.NaN] = await insertBlocks(transaction, [hashed(nids)]);
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [hashed([nid])]);
  return { snapshotNid, blocks: [{ nid, entries }] };
}

/** Stores the state of a room that has none yet. */
export async function storeEmptyState(
  transaction: Knex.Transaction,
  roomNid: number,
): Promise<{ readonly snapshotNid: number; readonly blocks: readonly StateBlock[] }> {
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [hashed([])]);
  return { snapshotNid, blocks: [] };
}
