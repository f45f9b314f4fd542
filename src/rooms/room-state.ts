import { type StateKey, stateName } from '../matrix/auth-events.ts';
import type { Db } from '../storage/database.ts';
import { readEvents, type StoredEvent } from '../storage/roomserver/events.ts';
import { findNids, type Nids } from '../storage/roomserver/nids.ts';
import { readBlocks } from '../storage/roomserver/state.ts';
import { type StateBlock, stateIndexKey } from './state-chain.ts';

/** A room's current state: the NIDs of all of it, and those events that were asked for. */
export interface RoomState {
  readonly snapshotNid: number;
  readonly blocks: readonly StateBlock[];
  readonly events: ReadonlyMap<string, StoredEvent>;
  /** Of event types and state keys, as far as they were looked up. */
  readonly nids: Nids;
}

/** Reads a snapshot, and of its events those under these keys. */
export async function loadRoomState(db: Db, snapshotNid: number, keys: readonly StateKey[]): Promise<RoomState> {
  const blocks = await loadBlocks(db, snapshotNid);
  const nids = await findNids(db, {
    eventTypes: keys.map(([type]) => type),
    stateKeys: keys.map(([, stateKey]) => stateKey),
  });
  const nidsByName = new Map(
    keys.flatMap(([type, stateKey]): [string, number][] => {
      const [typeNid, stateKeyNid] = [nids.eventTypes.get(type), nids.stateKeys.get(stateKey)];
      if (typeNid === undefined || stateKeyNid === undefined) return [];
      const key = stateIndexKey(typeNid, stateKeyNid);
      const eventNid = blocks.findLast(({ entries }) => entries.has(key))?.entries.get(key);
      return eventNid === undefined ? [] : [[stateName(type, stateKey), eventNid]];
    }),
  );
  const stored = await readEvents(db, [...new Set(nidsByName.values())]);
  const byNid = new Map(stored.map((event) => [event.eventNid, event]));
  const events = [...nidsByName].flatMap(([name, nid]): [string, StoredEvent][] => {
    const event = byNid.get(nid);
    return event === undefined ? [] : [[name, event]];
  });
  return { snapshotNid, blocks, events: new Map(events), nids };
}

async function loadBlocks(db: Db, snapshotNid: number): Promise<StateBlock[]> {
  return (await readBlocks(db, snapshotNid)).map(({ nid, entries }) => ({
    nid,
    entries: new Map(
      entries.map(({ typeNid, stateKeyNid, eventNid }) => [stateIndexKey(typeNid, stateKeyNid), eventNid]),
    ),
  }));
}
