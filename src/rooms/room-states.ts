import { LRUCache } from 'lru-cache';
import { inSlices } from '../in-slices.ts';
import { type StateKey, stateName } from '../matrix/auth-events.ts';
import type { Db } from '../storage/database.ts';
import { readEvents, type StoredEvent } from '../storage/roomserver/events.ts';
import { findNids, type Nids } from '../storage/roomserver/nids.ts';
import { type BlockPart, readBlocks, readSnapshot } from '../storage/roomserver/state.ts';
import { createJoinedServers, type JoinedServers } from './joined-servers.ts';
import { blockOf, findInBlock, type StateBlock, type StateEntry } from './state-block.ts';

/** Maximum number of state entries that stay in memory. Each entry takes 24 bytes. */
const KEPT_ENTRIES = 1_000_000;
const KEPT_SNAPSHOTS = 10_000;

/**
 * A stored state of a room: an ordered list of blocks. A block is a list of entries, each with an event type, a state key and
 * an event. If several blocks have an entry for the same type and state key, the entry of the last such block counts.
 * `snapshotNid` is the number by which Dendrite's tables refer to the state.
 */
export interface StateSnapshot {
  readonly snapshotNid: number;
  readonly blocks: readonly StateBlock[];
}

/**
 * A room's state: the blocks with all its entries, and those of its events that the caller of `load()` has requested.
 * @internal
 */
export interface RoomState extends StateSnapshot {
  /** The requested events. `stateName()` makes the keys of the map. */
  readonly events: ReadonlyMap<string, StoredEvent>;
  /**
   * NIDs of the requested event types and state keys. A NID is the number by which Dendrite's tables refer to a text, an event,
   * a block or a state.
   */
  readonly nids: Nids;
}

/**
 * Reads room states, and caches them in memory. Cached states never become wrong, because stored states and blocks never
 * change, and their NIDs are not reused. With the cache, adding an event costs no more in a large room than in a small one.
 */
export interface RoomStates {
  /** Counts the joined users of each server in a room. */
  readonly servers: JoinedServers;
  /** Reads a state, and those of its events that have one of the given types and state keys. */
  readonly load: (db: Db, snapshotNid: number, keys: readonly StateKey[]) => Promise<RoomState>;
  /** Caches a state that the caller has written. */
  readonly keep: (state: StateSnapshot) => void;
}

export function createRoomStates(): RoomStates {
  const snapshots = new LRUCache<number, readonly number[]>({ max: KEPT_SNAPSHOTS });
  const blocks = new LRUCache<number, StateBlock>({
    maxSize: KEPT_ENTRIES,
    sizeCalculation: ({ eventNids }) => eventNids.length + 1,
  });

  const loadBlocks = async (db: Db, snapshotNid: number): Promise<StateBlock[]> => {
    const nids = snapshots.get(snapshotNid) ?? (await readSnapshot(db, snapshotNid)) ?? [];
    snapshots.set(snapshotNid, nids);
    const known = new Map(nids.map((nid) => [nid, blocks.get(nid)]));
    const missing = nids.filter((nid) => known.get(nid) === undefined);
    const read = await inSlices(blocksOf(missing, await readBlocks(db, missing)));
    for (const block of read) {
      blocks.set(block.nid, block);
      known.set(block.nid, block);
    }
    return nids.flatMap((nid) => known.get(nid) ?? []);
  };

  const keep = (state: StateSnapshot): void => {
    snapshots.set(
      state.snapshotNid,
      state.blocks.map(({ nid }) => nid),
    );
    for (const block of state.blocks) blocks.set(block.nid, block);
  };

  return {
    servers: createJoinedServers(),
    keep,
    load: async (db, snapshotNid, keys) => {
      const state = { snapshotNid, blocks: await loadBlocks(db, snapshotNid) };
      const nids = await findNids(db, {
        eventTypes: keys.map(([type]) => type),
        stateKeys: keys.map(([, stateKey]) => stateKey),
      });
      const found = new Map(keys.map((key) => [stateName(...key), findEntry(state.blocks, key, nids)]));
      const stored = await readEvents(
        db,
        [...new Set(found.values())].filter((nid) => nid !== undefined),
      );
      const byNid = new Map(stored.map((event) => [event.eventNid, event]));
      const events = [...found].flatMap(([name, nid]): [string, StoredEvent][] => {
        const event = nid === undefined ? undefined : byNid.get(nid);
        return event === undefined ? [] : [[name, event]];
      });
      return { ...state, events: new Map(events), nids };
    },
  };
}

function* blocksOf(
  nids: readonly number[],
  parts: readonly BlockPart[],
): Generator<undefined, StateBlock[], undefined> {
  const entries = new Map(nids.map((nid): [number, StateEntry[]] => [nid, []]));
  for (const part of parts) {
    yield;
    entries.get(part.blockNid)?.push(...part.entries());
  }
  const blocks: StateBlock[] = [];
  for (const nid of nids) blocks.push(yield* blockOf(nid, entries.get(nid) ?? []));
  return blocks;
}

function findEntry(
  blocks: readonly StateBlock[],
  [type, stateKey]: StateKey,
  { eventTypes, stateKeys }: Nids,
): number | undefined {
  const [typeNid, stateKeyNid] = [eventTypes.get(type), stateKeys.get(stateKey)];
  if (typeNid === undefined || stateKeyNid === undefined) return undefined;
  for (const block of blocks.toReversed()) {
    const eventNid = findInBlock(block, typeNid, stateKeyNid);
    if (eventNid !== undefined) return eventNid;
  }
  return undefined;
}
