import type { Knex } from 'knex';
import type { AppliedEvent } from '../host.ts';
import type { RoomId, ServerName } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { canonicalJson } from '../matrix/canonical-json.ts';
import { findRoomHosts } from '../storage/federation/joined-hosts.ts';
import { enqueuePdus } from '../storage/federation/queue.ts';
import { insertEvents, insertPreviousEvents } from '../storage/roomserver/events.ts';
import { assignNids, type Nids } from '../storage/roomserver/nids.ts';
import { type StoredRoom, updateRoom } from '../storage/roomserver/rooms.ts';
import { type Write, writeTogether } from '../storage/write-together.ts';
import type { ChainLink } from './event-chain.ts';
import { destinationsOf, federationWrites } from './federation-writes.ts';
import { membershipWrites } from './membership-writes.ts';
import type { RoomState } from './room-states.ts';
import { type ChainedEvent, chainStates, type StateChain } from './state-chain.ts';
import { syncWrites } from './sync-writes.ts';
import { writeRedactions } from './write-redactions.ts';
import type { ChainSettings, WrittenChain } from './written-chain.ts';

/**
 * Writes new events into a room that the caller has locked. Each event follows the one before it. Also updates the room's state
 * and memberships, the tables of `/sync`, the federation queue and the search index, and redacts the targets of redactions.
 * @param state the state before the first event
 * @param links the new events, in order
 * @returns the servers for which events were queued
 */
export async function writeChain(
  transaction: Knex.Transaction,
  room: StoredRoom,
  state: RoomState,
  links: readonly ChainLink[],
  settings: ChainSettings,
): Promise<ServerName[]> {
  const nids = await assignChainNids(transaction, links, state.nids);
  const chain = { room, links, nids };
  const joined = await settings.states.servers.count(transaction, room.roomId, state.snapshotNid);
  const hosts = await findRoomHosts(transaction, room.roomId, [...joined.keys()]);
  const { pdus, writes, users } = federationWrites(chain, joined, hosts, settings);
  const states = await inSlices(chainStates(room.roomNid, state, chainedEvents(chain)));
  const rows = await inSlices(rowsOf(chain, states, settings));
  await writeTogether(transaction, [...rows, ...writes]);
  settings.states.keep(states.last);
  settings.states.servers.keep(room.roomId, states.last.snapshotNid, users);
  await enqueuePdus(transaction, pdus);
  await writeRedactions(transaction, chain);
  await settings.applyEvents(
    links.map((link) => appliedEvent(room.roomId, link)),
    { transaction },
  );
  return destinationsOf(pdus);
}

/**
 * Returns the statements that store the events and what follows from them, except those for federation. Making the JSON of many
 * events takes long. So the generator yields after each part, and the event loop gets a turn.
 */
function* rowsOf(
  chain: WrittenChain,
  states: StateChain,
  settings: ChainSettings,
): Generator<undefined, Write[], undefined> {
  const roomserver = roomserverWrites(chain, states);
  yield;
  const memberships = membershipWrites(chain, settings);
  yield;
  const sync = syncWrites(chain, settings);
  yield;
  return [...roomserver, ...memberships, ...sync];
}

/**
 * Returns the NIDs of the events' types and state keys, and of the senders of member events. Assigns new NIDs to texts that
 * have none. A NID is the number by which Dendrite's tables refer to an event or a text.
 */
function assignChainNids(transaction: Knex.Transaction, links: readonly ChainLink[], known: Nids): Promise<Nids> {
  const types = links.map(({ draft }) => draft.type);
  const members = links.filter(({ draft }) => draft.type === 'm.room.member').map(({ draft }) => draft.sender);
  const stateKeys = links.flatMap(({ draft }) => (draft.stateKey === undefined ? [] : [draft.stateKey]));
  return assignNids(transaction, { eventTypes: types, stateKeys: [...stateKeys, ...members] }, known);
}

const typeNidOf = ({ nids }: WrittenChain, { draft }: ChainLink): number =>
  nids.eventTypes.get(draft.type) ?? Number.NaN;
const stateKeyNidOf = ({ nids }: WrittenChain, { draft: { stateKey } }: ChainLink): number =>
  stateKey === undefined ? 0 : (nids.stateKeys.get(stateKey) ?? Number.NaN);

function chainedEvents(chain: WrittenChain): ChainedEvent[] {
  return chain.links.map((link) => ({
    ...link.ids,
    key:
      link.draft.stateKey === undefined
        ? undefined
        : { typeNid: typeNidOf(chain, link), stateKeyNid: stateKeyNidOf(chain, link) },
  }));
}

/**
 * Returns the statements that store the events in the roomserver's tables, with the states between them, and that update the
 * room's forward extremities.
 */
function roomserverWrites(chain: WrittenChain, { snapshotNids, writes }: StateChain): Write[] {
  const { room, links } = chain;
  const events = links.map((link, i) => ({
    ...link.stored,
    typeNid: typeNidOf(chain, link),
    stateKeyNid: stateKeyNidOf(chain, link),
    authEventNids: link.authEventNids,
    snapshotNid: snapshotNids[i] ?? Number.NaN,
    json: canonicalJson(link.stored.event),
  }));
  const followed = links.flatMap(({ stored, prevEvents }) =>
    prevEvents.map((previous) => ({ previous: previous.eventId, eventNid: stored.eventNid })),
  );
  const passed = new Set(links.flatMap(({ prevEvents }) => prevEvents.map(({ eventNid }) => eventNid)));
  const newest = links.at(-1)?.stored.eventNid ?? Number.NaN;
  return [
    ...writes,
    ...insertEvents(room.roomNid, events),
    ...insertPreviousEvents(followed),
    ...updateRoom(room.roomNid, {
      latestEventNids: [...room.latestEventNids.filter((nid) => !passed.has(nid)), newest],
      lastSentNid: newest,
      stateSnapshotNid: snapshotNids.at(-1) ?? Number.NaN,
    }),
  ];
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
    // Each new event follows the current state of the room. So a state event always changes this state, and other events never
    // do.
    changes_state: stateKey !== undefined,
  };
}
