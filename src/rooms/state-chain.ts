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
import type { StateSnapshot } from './room-states.ts';
import { blockOf, compareEntries, mergeBlocks, type StateBlock, type StateEntry, singleBlock } from './state-block.ts';

/**
 * Maximum number of blocks of a state, as in Dendrite. A state is a list of blocks, and a block is a list of state events. As
 * long as a state has fewer blocks, each new state event adds a block of its own.
 */
const MAX_BLOCKS = 64;
/** Number of NIDs that are hashed before the event loop gets a turn. */
const HASHED_AT_ONCE = 10_000;

/** A new event of a room, with the ids that are allocated for it. `key` is `undefined` if the event is not a state event. */
export interface ChainedEvent extends Pick<AllocatedIds, 'eventNid' | 'blockNid' | 'snapshotNid'> {
  readonly key: Pick<StateEntry, 'typeNid' | 'stateKeyNid'> | undefined;
}

interface HashedList {
  readonly hash: Buffer;
  readonly nids: readonly number[];
}

/**
 * Hashes a list of NIDs as Dendrite does: BLAKE2b-256 of the list's JSON. A NID is the number by which Dendrite's tables refer
 * to an event, a block or a snapshot. Dendrite is written in Go, where the JSON of an empty list is `null`.
 */
function* hashed(nids: readonly number[]): Generator<undefined, HashedList, undefined> {
  const hash = blake2b.create({ dkLen: 32 });
  for (let first = 0; first < nids.length; first += HASHED_AT_ONCE) {
    yield;
    hash.update(Buffer.from(`${first === 0 ? '[' : ','}${nids.slice(first, first + HASHED_AT_ONCE).join(',')}`));
  }
  hash.update(Buffer.from(nids.length === 0 ? 'null' : ']'));
  return { hash: Buffer.from(hash.digest()), nids };
}

const ascending = (a: number, b: number): number => a - b;

function* hashedEvents({ eventNids }: StateBlock): Generator<undefined, HashedList, undefined> {
  return yield* hashed(yield* sorted([...eventNids], ascending));
}

/**
 * Adds a block for one event to a state's list of blocks. If the list is full, merges the new block and the smaller blocks at
 * the end of the list into one block, and leaves the larger blocks before them unchanged. Dendrite instead writes the whole
 * state again, which takes much space if a large state changes often.
 */
function* withEvent(
  blocks: readonly StateBlock[],
  entry: StateEntry,
  blockNid: number,
): Generator<undefined, StateBlock[], undefined> {
  const own = singleBlock(blockNid, entry);
  if (blocks.length < MAX_BLOCKS) return [...blocks, own];
  const sizes = blocks.map(({ eventNids }) => eventNids.length);
  let first = blocks.length - 2;
  let size = sizes.slice(first).reduce((sum, next) => sum + next, 1);
  for (; first > 0 && (sizes[first - 1] ?? 0) <= 2 * size; first -= 1) size += sizes[first - 1] ?? 0;
  return [...blocks.slice(0, first), yield* mergeBlocks(blockNid, [...blocks.slice(first), own])];
}

/**
 * The states before and after each event of a chain. A chain is a list of new events of one room. Each event follows the one
 * before it.
 */
export interface StateChain {
  /** NIDs of the snapshots: first the snapshot before the first event, then the snapshot after each event. */
  readonly snapshotNids: readonly number[];
  /** The blocks of the state after the last event. */
  readonly last: StateSnapshot;
  /** Statements that store the new states. */
  readonly writes: readonly Write[];
}

/** Computes the state after each event, starting from the state `before`. Only state events change the state. */
export function* chainStates(
  roomNid: number,
  before: StateSnapshot,
  events: readonly ChainedEvent[],
): Generator<undefined, StateChain, undefined> {
  let { snapshotNid, blocks } = before;
  const snapshotNids = [snapshotNid];
  const newBlocks: NewList[] = [];
  const newSnapshots: NewList[] = [];
  for (const { key, eventNid, blockNid, ...ids } of events) {
    yield;
    if (key !== undefined) {
      const chained = yield* withEvent(blocks, { ...key, eventNid }, blockNid);
      const added = chained.at(-1);
      if (added !== undefined) newBlocks.push({ nid: blockNid, ...(yield* hashedEvents(added)) });
      newSnapshots.push({ nid: ids.snapshotNid, ...(yield* hashed(chained.map(({ nid }) => nid))) });
      [snapshotNid, blocks] = [ids.snapshotNid, chained];
    }
    snapshotNids.push(snapshotNid);
  }
  return {
    snapshotNids,
    last: { snapshotNid, blocks },
    writes: [...insertNewBlocks(newBlocks), ...insertNewSnapshots(roomNid, newSnapshots)],
  };
}

/** Stores a whole state as a snapshot with one block. */
export async function storeState(
  transaction: Knex.Transaction,
  roomNid: number,
  entries: readonly StateEntry[],
): Promise<StateSnapshot> {
  const ordered = await inSlices(sorted(entries, compareEntries));
  const unplaced = await inSlices(blockOf(0, ordered));
  const [nid = Number.NaN] = await insertBlocks(transaction, [await inSlices(hashedEvents(unplaced))]);
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [await inSlices(hashed([nid]))]);
  return { snapshotNid, blocks: [{ ...unplaced, nid }] };
}

/** Stores an empty state, which is the state of a room before its create event. */
export async function storeEmptyState(transaction: Knex.Transaction, roomNid: number): Promise<StateSnapshot> {
  const [snapshotNid = Number.NaN] = await insertSnapshots(transaction, roomNid, [await inSlices(hashed([]))]);
  return { snapshotNid, blocks: [] };
}
