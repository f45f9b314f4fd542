import { type StateKey, stateName } from '../matrix/auth-events.ts';
import type { Db } from '../storage/database.ts';
import { readEvents, type StoredEvent } from '../storage/roomserver/events.ts';
import { findNids } from '../storage/roomserver/nids.ts';
import { readBlockNids, readBlocks } from '../storage/roomserver/state.ts';
import { type StateBlock, stateIndexKey } from './state-chain.ts';

/** A room's current state: the NIDs of all of it, and those events that were asked for. */
export interface RoomState {
  readonly snapshotNid: number;
  readonly blocks: readonly StateBlock[];
  readonly events: ReadonlyMap<string, StoredEvent>;
}

/** Reads a snapshot, and of its events those under these keys. */
export async function loadRoomState(db: Db, snapshotNid: number, keys: readonly StateKey[]): Promise<RoomState> {
  const blocks = await loadBlocks(db, snapshotNid);
  const typeNids = await findNids(db, 'eventTypes', [...new Set(keys.map(([type]) => type))]);
  const stateKeyNids = await findNids(db, 'stateKeys', [...new Set(keys.map(([, stateKey]) => stateKey))]);
  const nidsByName = new Map(
    keys.flatMap(([type, stateKey]): [string, number][] => {
      const [typeNid, stateKeyNid] = [typeNids.get(type), stateKeyNids.get(stateKey)];
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
  return { snapshotNid, blocks, events: new Map(events) };
}

async function loadBlocks(db: Db, snapshotNid: number): Promise<StateBlock[]> {
  const nids = await readBlockNids(db, snapshotNid);
  const blocks = new Map(nids.map((nid) => [nid, new Map<string, number>()]));
  for (const { blockNid, typeNid, stateKeyNid, eventNid } of await readBlocks(db, nids)) {
    blocks.get(blockNid)?.set(stateIndexKey(typeNid, stateKeyNid), eventNid);
  }
  return [...blocks].map(([nid, entries]) => ({ nid, entries }));
}
