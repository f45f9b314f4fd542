import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { type EventId, type RoomId, type ServerName, splitUserId, type UserId } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { type StateKey, stateName } from '../matrix/auth-events.ts';
import { buildCreateEvent } from '../matrix/build-event.ts';
import { type EventJson, roomVersionOf } from '../matrix/room-version.ts';
import { allocateIds } from '../storage/allocate-ids.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import { readDeepest, type StoredEvent } from '../storage/roomserver/events.ts';
import { deleteMembership, retireInvites } from '../storage/roomserver/membership.ts';
import { findNids, NO_NIDS } from '../storage/roomserver/nids.ts';
import { insertRoom, lockRoom, type StoredRoom } from '../storage/roomserver/rooms.ts';
import { retireSyncInvites } from '../storage/syncapi/room-events.ts';
import { writeTogether } from '../storage/write-together.ts';
import { buildChain, type ChainLink, neededState, type RefusedDraft, type RoomEventDraft } from './event-chain.ts';
import type { DownloadedState } from './fetch-state.ts';
import { replaceRoomState } from './replace-state.ts';
import { replaceSyncState } from './replace-sync-state.ts';
import { createRoomStates, type RoomState, type RoomStates } from './room-states.ts';
import { storeEmptyState } from './state-chain.ts';
import { writeChain } from './write-chain.ts';
import type { ChainSettings } from './written-chain.ts';

/** The maximum number of `prev_events` of an event, according to the specification. */
const MAX_PREV_EVENTS = 20;

/**
 * Maximum number of events that one call of `appendPart()` writes. Building the SQL statements blocks the event loop, so the
 * number is limited.
 */
const WRITTEN_AT_ONCE = 250;

/** An event that the writer has added to a room. */
export interface AppendedEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
  readonly draft: RoomEventDraft;
}

/** The result of adding events to a room. */
export interface Appended {
  readonly roomId: RoomId;
  readonly events: readonly AppendedEvent[];
  /** The drafts that could not become events, with the reasons. */
  readonly refused: readonly RefusedDraft[];
  /**
   * Servers for which events were queued. After the commit, the caller tells the federation sender to send to these servers.
   */
  readonly destinations: readonly ServerName[];
}

/** A room to create. */
export interface NewRoom {
  readonly version: string;
  readonly creator: UserId;
  /** Content of the create event, without `room_version` and `creator`. */
  readonly content: Readonly<Record<string, unknown>>;
  /** Drafts of the first events after the create event, in order. The first one must be the creator's join. */
  readonly drafts: readonly RoomEventDraft[];
}

/** A room's state from another server, and the users who may send the event that brings this state into the room. */
export interface StateReplacement {
  readonly downloaded: DownloadedState;
  /**
   * NIDs of the room's forward extremities at the time when the state was requested. A NID is the number by which Dendrite's
   * tables refer to an event.
   */
  readonly expectedNids: readonly number[];
  /** Local users, in order of preference. */
  readonly senders: readonly UserId[];
}

/** Adds events to rooms. The homeserver and the plugin share one `RoomWriter`. @internal */
export interface RoomWriter {
  /** The cache of room states. */
  readonly states: RoomStates;
  /**
   * Adds events to a room. Each event follows the one before it. Drafts that are not allowed or not valid are not added, but
   * returned in `refused`. The call also updates the room's state and memberships, the tables of `/sync`, the federation queue
   * and the search index. The call locks the room until the transaction ends. If the room has several forward extremities, the
   * first event follows the deepest of these extremities, at most 20.
   * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room, or only knows an invite to it; `M_BAD_STATE` if
   * the room is being purged
   */
  readonly append: (
    transaction: Knex.Transaction,
    roomId: RoomId,
    drafts: readonly RoomEventDraft[],
  ) => Promise<Appended>;
  /**
   * Removes a user's invite to a room or knock at a room. The caller uses this function only if the homeserver has no events of
   * the room, for example after the invite was rejected over federation. Writes no event, because such an event would have no
   * previous event. Does nothing if the homeserver does not know the room or the user.
   */
  readonly retireInvite: (transaction: Knex.Transaction, roomId: RoomId, userId: UserId) => Promise<void>;
  /**
   * Replaces a room's state with another server's state. As in Dendrite, an event of the type
   * `org.matrix.dendrite.state_download` brings the new state into the room. The event's sender is the first of `senders` whom
   * the new state allows to send it.
   * @returns also how many state events were added to the current state and removed from it
   * @throws MatrixError `M_NOT_FOUND` if the homeserver has no events of the room; `M_BAD_STATE` if the room is being purged;
   * `M_BAD_STATE` with status 409 if the room's forward extremities are no longer `expectedNids`; `M_FORBIDDEN` if none of the
   * senders may send the event
   */
  readonly replaceState: (
    transaction: Knex.Transaction,
    roomId: RoomId,
    replacement: StateReplacement,
  ) => Promise<Appended & { readonly added: number; readonly removed: number }>;
  /**
   * Creates a room with its create event and the events of the drafts. Drafts that are not allowed or not valid are returned in
   * `refused`.
   * @throws MatrixError `M_UNKNOWN` if the room version is unknown
   */
  readonly create: (transaction: Knex.Transaction, room: NewRoom) => Promise<Appended>;
}

export interface RoomWriterSettings extends Omit<ChainSettings, 'states'> {
  readonly signingKeys: readonly SigningKey[];
  /** Returns ms since the epoch. @defaultValue the system clock */
  readonly now?: () => number;
}

export function createRoomWriter(settings: RoomWriterSettings): RoomWriter {
  const { signingKeys, now = Date.now } = settings;
  const states = createRoomStates();
  const chainSettings = { ...settings, states };

  const write = async (
    transaction: Knex.Transaction,
    room: StoredRoom,
    prevEvents: readonly StoredEvent[],
    state: RoomState,
    drafts: readonly RoomEventDraft[],
    first: readonly ChainLink[],
  ): Promise<Appended> => {
    const version = roomVersionOf(room.version);
    const ids = await allocateIds(transaction, drafts.length);
    const start = { roomId: room.roomId, version, prevEvents, state: state.events };
    const { links: following, refused } = await inSlices(buildChain(start, drafts, ids, { signingKeys, now }));
    const links = [...first, ...following];
    if (links.length === 0) return { roomId: room.roomId, events: [], refused, destinations: [] };
    const destinations = await writeChain(transaction, room, state, links, chainSettings);
    return {
      roomId: room.roomId,
      events: links.map(({ stored: { eventId, event }, draft }) => ({ eventId, event, draft })),
      refused,
      destinations,
    };
  };

  const appendPart: RoomWriter['append'] = async (transaction, roomId, drafts) => {
    const room = await requireRoom(transaction, roomId);
    const version = roomVersionOf(room.version);
    const prevEvents = await readDeepest(transaction, room.latestEventNids, MAX_PREV_EVENTS);
    const needed = drafts.flatMap((draft) => neededState(draft, version));
    const state = await states.load(transaction, room.stateSnapshotNid, needed);
    return write(transaction, room, prevEvents, state, drafts, []);
  };

  return {
    states,
    append: async (transaction, roomId, drafts) => {
      if (drafts.length === 0) await requireRoom(transaction, roomId);
      const parts: Appended[] = [];
      for (let first = 0; first < drafts.length; first += WRITTEN_AT_ONCE) {
        parts.push(await appendPart(transaction, roomId, drafts.slice(first, first + WRITTEN_AT_ONCE)));
      }
      return {
        roomId,
        events: parts.flatMap(({ events }) => events),
        refused: parts.flatMap(({ refused }) => refused),
        destinations: [...new Set(parts.flatMap(({ destinations }) => destinations))],
      };
    },
    replaceState: async (transaction, roomId, { downloaded, expectedNids, senders }) => {
      const room = await requireRoom(transaction, roomId);
      if (!isDeepStrictEqual(new Set(room.latestEventNids), new Set(expectedNids))) {
        throw new MatrixError('M_BAD_STATE', 'the room has changed in the meantime; try again', { status: 409 });
      }
      const prevEvents = await readDeepest(transaction, room.latestEventNids, MAX_PREV_EVENTS);
      const state = await replaceRoomState(transaction, room, downloaded, settings);
      for (const sender of senders) {
        const draft = { type: 'org.matrix.dendrite.state_download', sender, content: {} };
        const needed = eventsUnder(state, neededState(draft, roomVersionOf(room.version)));
        const appended = await write(transaction, room, prevEvents, { ...state, events: needed }, [draft], []);
        const [carrier] = appended.events;
        if (carrier === undefined) continue;
        return {
          ...appended,
          ...(await replaceSyncState(transaction, room, downloaded.state, carrier.eventId, settings.localServerNames)),
        };
      }
      throw new MatrixError('M_FORBIDDEN', 'no local user may send the event that carries the state');
    },
    retireInvite: async (transaction, roomId, userId) => {
      const room = await lockRoom(transaction, roomId);
      const { stateKeys } = await findNids(transaction, { stateKeys: [userId] });
      const targetNid = stateKeys.get(userId);
      if (room === undefined || targetNid === undefined) return;
      await writeTogether(transaction, [
        ...retireInvites(room.roomNid, [targetNid]),
        ...deleteMembership(room.roomNid, targetNid),
        ...retireSyncInvites(roomId, [userId]),
      ]);
    },
    create: async (transaction, { version, creator, content, drafts }) => {
      const rules = roomVersionOf(version);
      const { serverName } = splitUserId(creator);
      const key = signingKeys.find((candidate) => candidate.serverName === serverName);
      if (key === undefined) throw new Error(`there is no signing key for ${serverName}`);
      const full = { ...content, room_version: version };
      const { roomId, eventId, event } = buildCreateEvent(
        { sender: creator, content: full, originServerTs: now() },
        rules,
        key,
      );
      const room = await insertRoom(transaction, roomId, version);
      if (room === undefined) throw new Error('a room with this id already exists');
      const [ids] = await allocateIds(transaction, 1);
      if (ids === undefined) throw new Error('no ids have been allocated');
      const stored = { eventNid: ids.eventNid, eventId, event, depth: 1 };
      const draft = { type: 'm.room.create', sender: creator, stateKey: '', content: full };
      const created: ChainLink = {
        draft,
        stored,
        ids,
        authEventNids: [],
        prevEvents: [],
        replaces: undefined,
        historyVisibility: undefined,
        mayRedactOthers: true,
      };
      const empty = await storeEmptyState(transaction, room.roomNid);
      const state = { ...empty, events: new Map([[stateName('m.room.create', ''), stored]]), nids: NO_NIDS };
      return write(transaction, room, [stored], state, drafts, [created]);
    },
  };
}

/** Returns those events of a state that have one of the given types and state keys. */
function eventsUnder({ events }: RoomState, keys: readonly StateKey[]): Map<string, StoredEvent> {
  return new Map(
    keys.flatMap((key): [string, StoredEvent][] => {
      const event = events.get(stateName(...key));
      return event === undefined ? [] : [[stateName(...key), event]];
    }),
  );
}

/**
 * Locks a room so that the caller can write events into it. The lock lasts until the transaction ends.
 * @throws MatrixError `M_NOT_FOUND` if the room is unknown or has no events, `M_BAD_STATE` if the room is being purged
 */
export async function requireRoom(transaction: Knex.Transaction, roomId: RoomId): Promise<StoredRoom> {
  const room = await lockRoom(transaction, roomId);
  if (room === undefined || room.latestEventNids.length === 0) {
    throw new MatrixError('M_NOT_FOUND', 'room does not exist');
  }
  if (await isPurging(transaction, roomId)) throw new MatrixError('M_BAD_STATE', 'the room is being purged');
  return room;
}
