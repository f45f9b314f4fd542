/**
 * An entry of a room's state: a state event, its type and its state key. A NID is the number by which Dendrite's tables refer
 * to an event or a text.
 */
export interface StateEntry {
  readonly typeNid: number;
  readonly stateKeyNid: number;
  readonly eventNid: number;
}

/**
 * A part of a room's stored state. Its entries are in ascending order of type NID and state key NID, and each pair of these
 * NIDs occurs once. A block of a large room may have more than 100,000 entries. Therefore a block stores them in typed arrays,
 * which take 24 bytes for each entry.
 */
export interface StateBlock {
  readonly nid: number;
  readonly typeNids: Float64Array;
  readonly stateKeyNids: Float64Array;
  readonly eventNids: Float64Array;
}

/** Creates a block from entries that are already in the order of a block. */
export function* blockOf(nid: number, entries: readonly StateEntry[]): Generator<undefined, StateBlock, undefined> {
  const block = emptyBlock(nid, entries.length);
  for (const [i, entry] of entries.entries()) {
    yield;
    place(block, i, entry);
  }
  return block;
}

/** Creates a block with one entry. */
export function singleBlock(nid: number, entry: StateEntry): StateBlock {
  const block = emptyBlock(nid, 1);
  place(block, 0, entry);
  return block;
}

/**
 * Finds the entry with the given type NID and state key NID. Returns the NID of the entry's event, or `undefined` if the block
 * has no such entry.
 */
export function findInBlock(block: StateBlock, typeNid: number, stateKeyNid: number): number | undefined {
  let [low, high] = [0, block.eventNids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(block, middle, typeNid, stateKeyNid)) low = middle + 1;
    else high = middle;
  }
  return block.typeNids[low] === typeNid && block.stateKeyNids[low] === stateKeyNid ? block.eventNids[low] : undefined;
}

/**
 * Merges the blocks of a state, oldest first, into one. If several blocks have an entry of the same type and state key, the
 * entry of the last such block stays.
 */
export function* mergeBlocks(nid: number, blocks: readonly StateBlock[]): Generator<undefined, StateBlock, undefined> {
  let merged = emptyBlock(nid, 0);
  // Newer blocks are usually smaller. So a merge that starts with the newest block copies the fewest entries.
  for (const block of blocks.toReversed()) merged = yield* mergeTwo(nid, block, merged);
  return merged;
}

function* mergeTwo(nid: number, older: StateBlock, newer: StateBlock): Generator<undefined, StateBlock, undefined> {
  const [olderSize, newerSize] = [older.eventNids.length, newer.eventNids.length];
  const merged = emptyBlock(nid, olderSize + newerSize);
  let [i, j, size] = [0, 0, 0];
  while (i < olderSize || j < newerSize) {
    yield;
    const order = i === olderSize ? 1 : j === newerSize ? -1 : compareEntries(entryAt(older, i), entryAt(newer, j));
    place(merged, size, order < 0 ? entryAt(older, i) : entryAt(newer, j));
    size += 1;
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
  return {
    nid,
    typeNids: merged.typeNids.slice(0, size),
    stateKeyNids: merged.stateKeyNids.slice(0, size),
    eventNids: merged.eventNids.slice(0, size),
  };
}

/** Compares two entries by the order that entries have in a block. */
export function compareEntries(a: StateEntry, b: StateEntry): number {
  return a.typeNid - b.typeNid || a.stateKeyNid - b.stateKeyNid;
}

function emptyBlock(nid: number, size: number): StateBlock {
  return {
    nid,
    typeNids: new Float64Array(size),
    stateKeyNids: new Float64Array(size),
    eventNids: new Float64Array(size),
  };
}

function place(block: StateBlock, i: number, { typeNid, stateKeyNid, eventNid }: StateEntry): void {
  block.typeNids[i] = typeNid;
  block.stateKeyNids[i] = stateKeyNid;
  block.eventNids[i] = eventNid;
}

function entryAt({ typeNids, stateKeyNids, eventNids }: StateBlock, i: number): StateEntry {
  return {
    typeNid: typeNids[i] ?? Number.NaN,
    stateKeyNid: stateKeyNids[i] ?? Number.NaN,
    eventNid: eventNids[i] ?? Number.NaN,
  };
}

function isBefore(block: StateBlock, i: number, typeNid: number, stateKeyNid: number): boolean {
  const own = block.typeNids[i] ?? Number.NaN;
  return own < typeNid || (own === typeNid && (block.stateKeyNids[i] ?? Number.NaN) < stateKeyNid);
}
