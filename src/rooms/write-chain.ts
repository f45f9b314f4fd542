import type { Knex } from 'knex';
import type { AppliedEvent } from '../host.ts';
import type { RoomId, ServerName } from '../ids.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import { insertEvents, insertPreviousEvents } from '../storage/roomserver/events.ts';
import { assignNids } from '../storage/roomserver/nids.ts';
import { type StoredRoom, updateRoom } from '../storage/roomserver/rooms.ts';
import type { ChainLink } from './event-chain.ts';
import type { RoomState } from './room-state.ts';
import { stateIndexKey, storeStateChain } from './state-chain.ts';
import { writeFederation } from './write-federation.ts';
import { writeMemberships } from './write-memberships.ts';
import { writeRedactions } from './write-redactions.ts';
import { writeSync } from './write-sync.ts';

/** What is written of a chain beside the events themselves. */
export interface WrittenChain {
  readonly room: StoredRoom;
  readonly links: readonly ChainLink[];
  /** NIDs of state keys, users among them. */
  readonly stateKeyNids: ReadonlyMap<string, number>;
}

export interface ChainSettings {
  /** The primary server name. */
  readonly serverName: ServerName;
  /** All local server names. */
  readonly localServerNames: readonly ServerName[];
  /** `admin.search.apply`. */
  readonly applySearch: (
    events: readonly AppliedEvent[],
    options: { readonly transaction: Knex.Transaction },
  ) => Promise<void>;
  /** Whether a server is to be told of the events. @defaultValue all that are in the room */
  readonly isTold?: (serverName: ServerName) => boolean;
}

/**
 * Writes events into a locked room, each on the one before it, with everything that follows from them.
 * @param state before the first of them
 * @returns the servers that something was queued for
 */
export async function writeChain(
  transaction: Knex.Transaction,
  room: StoredRoom,
  state: RoomState,
  links: readonly ChainLink[],
  settings: ChainSettings,
): Promise<ServerName[]> {
  const stateKeyNids = await writeRoomserver(transaction, room, state, links);
  const chain = { room, links, stateKeyNids };
  await writeMemberships(transaction, chain, settings);
  await writeSync(transaction, chain, settings);
  const destinations = await writeFederation(transaction, chain, settings);
  await writeRedactions(transaction, chain);
  await settings.applySearch(
    links.map((link) => appliedEvent(room.roomId, link)),
    { transaction },
  );
  return destinations;
}

/** The events, the states between them, and the room's new extremity. Returns the NIDs of all state keys and senders. */
async function writeRoomserver(
  transaction: Knex.Transaction,
  room: StoredRoom,
  state: RoomState,
  links: readonly ChainLink[],
): Promise<ReadonlyMap<string, number>> {
  const typeNids = await assignNids(
    transaction,
    'eventTypes',
    links.map(({ draft }) => draft.type),
  );
  const members = links.filter(({ draft }) => draft.type === 'm.room.member').map(({ draft }) => draft.sender);
  const stateKeys = links.flatMap(({ draft }) => (draft.stateKey === undefined ? [] : [draft.stateKey]));
  const stateKeyNids = await assignNids(transaction, 'stateKeys', [...stateKeys, ...members]);
  const typeNidOf = ({ draft }: ChainLink): number => typeNids.get(draft.type) ?? Number.NaN;
  const stateKeyNidOf = ({ draft: { stateKey } }: ChainLink): number =>
    stateKey === undefined ? 0 : (stateKeyNids.get(stateKey) ?? Number.NaN);

  const chained = links.map((link) => ({
    eventNid: link.stored.eventNid,
    key: link.draft.stateKey === undefined ? undefined : stateIndexKey(typeNidOf(link), stateKeyNidOf(link)),
  }));
  const snapshotNids = await storeStateChain(transaction, room.roomNid, state, chained);
  await insertEvents(
    transaction,
    room.roomNid,
    links.map((link, i) => ({
      ...link.stored,
      typeNid: typeNidOf(link),
      stateKeyNid: stateKeyNidOf(link),
      authEventNids: link.authEventNids,
      snapshotNid: snapshotNids[i] ?? Number.NaN,
      json: canonicalJson(link.stored.event),
    })),
  );
  const followed = links.flatMap(({ stored, prevEvents }) =>
    prevEvents.map((previous) => ({ previous: previous.eventId, eventNid: stored.eventNid })),
  );
  await insertPreviousEvents(transaction, followed);
  const passed = new Set(links.flatMap(({ prevEvents }) => prevEvents.map(({ eventNid }) => eventNid)));
  const newest = links.at(-1)?.stored.eventNid ?? Number.NaN;
  await updateRoom(transaction, room.roomNid, {
    latestEventNids: [...room.latestEventNids.filter((nid) => !passed.has(nid)), newest],
    lastSentNid: newest,
    stateSnapshotNid: snapshotNids.at(-1) ?? Number.NaN,
  });
  return stateKeyNids;
}

function appliedEvent(roomId: RoomId, { stored, draft }: ChainLink): AppliedEvent {
  const { type, stateKey, content, redacts } = draft;
  return {
    event_id: stored.eventId,
    room_id: roomId,
    type,
    content,
    ...(stateKey !== undefined && { state_key: stateKey }),
    ...(redacts !== undefined && { redacts }),
  };
}
