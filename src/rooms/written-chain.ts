import type { Knex } from 'knex';
import type { AppliedEvent } from '../host.ts';
import type { ServerName } from '../ids.ts';
import type { Nids } from '../storage/roomserver/nids.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import type { ChainLink } from './event-chain.ts';
import type { RoomStates } from './room-states.ts';

/** What is written of a chain beside the events themselves. */
export interface WrittenChain {
  readonly room: StoredRoom;
  readonly links: readonly ChainLink[];
  /** Of event types and state keys, users among them. */
  readonly nids: Nids;
}

/** What chains are written with. */
export interface ChainSettings {
  /** The primary server name. */
  readonly serverName: ServerName;
  /** All local server names. */
  readonly localServerNames: readonly ServerName[];
  /** Of the writer that all events of the process are written with. */
  readonly states: RoomStates;
  /** `admin.search.apply`. */
  readonly applySearch: (
    events: readonly AppliedEvent[],
    options: { readonly transaction: Knex.Transaction },
  ) => Promise<void>;
  /** Whether a server is to be told of the events. @defaultValue all that are in the room */
  readonly isTold?: (serverName: ServerName) => boolean;
}
