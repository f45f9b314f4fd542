import type { ApplyEvents } from '../host.ts';
import type { ServerName } from '../ids.ts';
import type { Nids } from '../storage/roomserver/nids.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import type { ChainLink } from './event-chain.ts';
import type { RoomStates } from './room-states.ts';

/** New events that are written into a room. Each event follows the one before it. */
export interface WrittenChain {
  readonly room: StoredRoom;
  readonly links: readonly ChainLink[];
  /**
   * NIDs of the event types and state keys of the events, and of the senders of member events. A NID is the number by which
   * Dendrite's tables refer to a text.
   */
  readonly nids: Nids;
}

/** Settings for writing new events into rooms. */
export interface ChainSettings {
  /** The homeserver's main server name. */
  readonly serverName: ServerName;
  /** All local server names. */
  readonly localServerNames: readonly ServerName[];
  /** The cache of room states. Each process has one cache. */
  readonly states: RoomStates;
  /**
   * The function `admin.events.apply()` of the plugin. It updates the data that the plugin derives from events, such as the
   * search index.
   */
  readonly applyEvents: ApplyEvents;
  /**
   * Decides whether the events are queued for another server in the room. @defaultValue the events are queued for every other
   * server in the room
   */
  readonly isTold?: (serverName: ServerName) => boolean;
}
