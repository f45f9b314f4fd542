/**
 * The types of what a homeserver provides to the plugin.
 *
 * **Words.** *Host*: the homeserver process that mounts the plugin. *Plugin*: the result of one call of `createAdminPlugin()`.
 * *Stream id*: a number from the sequence `syncapi_stream_id`. It is the position of a row in `/sync`. *NID*: a number by which
 * the roomserver's tables refer to an event, a room or a text. *Job*: long work that the plugin stores in its own tables. Any
 * process that shares the database can run a job.
 *
 * `docs/host-guide.md` describes the contract between host and plugin: how ids are allocated, which locks there are and in
 * which order they are taken, which calls the host makes, what the plugin tells the host after a commit, several processes,
 * pools and proxies.
 */

import type { KeyObject } from 'node:crypto';
import type { Knex } from 'knex';
import type { Registry } from 'prom-client';
import type { EventId, RoomId, ServerName, UserId } from './ids.ts';

/** A logger with the methods of pino. The plugin never passes a token, password, MAC, nonce or message body to it. */
export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** An ed25519 key that signs events of one local server name. */
export interface SigningKey {
  readonly serverName: ServerName;
  /** The key's id, such as `ed25519:auto`. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** The parts of an application service's registration that the plugin needs to check access tokens and new usernames. */
export interface Appservice {
  readonly id: string;
  readonly asToken: string;
  /** Patterns for the user ids as which the application service may act. */
  readonly userNamespaces: readonly RegExp[];
}

/**
 * The plugin calls this object after a commit, with the rooms and users for which `/sync` has something new. If a user's
 * devices change, `usersChanged()` gets that user's id, even if the user is remote. `/sync` then has something new for everyone
 * who shares a room with the user.
 */
export interface Notifier {
  roomsChanged(roomIds: readonly RoomId[]): void | Promise<void>;
  usersChanged(userIds: readonly UserId[]): void | Promise<void>;
}

/** The plugin calls this object after a commit, with the rooms and users that the host must remove from its caches. */
export interface Caches {
  dropRooms(roomIds: readonly RoomId[]): void | Promise<void>;
  dropUsers(userIds: readonly UserId[]): void | Promise<void>;
}

/** The servers of a federation request. `origin` is the local server name that sends the request. */
export interface FederationRequest {
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** Options of a federation request. When the signal is aborted, the request ends and throws the signal's reason. */
export interface FederationRequestOptions {
  readonly signal: AbortSignal;
}

/** The answer of another server to `user/devices`. The host has checked that the fields have these types. */
export interface RemoteDevices {
  readonly streamId: number;
  readonly devices: readonly {
    readonly deviceId: string;
    readonly displayName?: string;
    /** The signed identity keys, as the server sent them. Absent if the device cannot encrypt. */
    readonly keys?: Readonly<Record<string, unknown>>;
  }[];
  readonly masterKey?: Readonly<Record<string, unknown>>;
  readonly selfSigningKey?: Readonly<Record<string, unknown>>;
}

/**
 * The state of a room before an event, as another server sent it. The host has not checked hashes, signatures or authorisation
 * rules.
 */
export interface RemoteState {
  readonly state: readonly Readonly<Record<string, unknown>>[];
  /** The auth events of the state, the auth events of these auth events, and so on. */
  readonly authChain: readonly Readonly<Record<string, unknown>>[];
}

/** A signing key of a server, which is either in use or old. */
export interface ServerKey {
  readonly serverName: ServerName;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /**
   * A time in ms since the epoch. Since room version 5, the key must not sign events with a later timestamp. It is the
   * `valid_until_ts` of a key in use, and the `expired_ts` of an old key.
   */
  readonly validUntilTs: number;
}

/** A server that has failed, and that the federation sender will contact again. Times are in ms since the epoch. */
export interface DestinationRetry {
  readonly destination: ServerName;
  /** Time of the first of the successive failures. */
  readonly failingSince: number;
  /** Time of the last attempt. */
  readonly lastTry: number;
  readonly nextTry: number;
}

/**
 * The host's federation sender. When the plugin writes an event for other servers, it queues the event in Dendrite's tables
 * `federationsender_queue_json` and `federationsender_queue_pdus`, in the same transaction. The federation sender sends the
 * rows of these tables to the other servers, including rows that it finds when it starts.
 *
 * All methods except `wake()` are optional. The plugin's `start()` logs which features are off because a method is missing.
 * Methods that send a request to another server throw `FederationError` if there is no valid answer. The error's `reason`
 * distinguishes a refusal from a server that cannot be reached. Section names refer to the Server-Server API.
 */
export interface FederationSender {
  /** Tells the federation sender that events for these servers have been queued and committed. */
  wake(destinations: readonly ServerName[]): void | Promise<void>;
  /**
   * `GET make_leave`, section "Leaving Rooms (Rejecting Invites)". Without this method, the plugin removes invites of other
   * servers only on this homeserver.
   */
  makeLeave?(
    request: FederationRequest & { readonly roomId: RoomId; readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<{ readonly event: Readonly<Record<string, unknown>>; readonly roomVersion: string }>;
  /**
   * `PUT send_leave` with a hashed and signed event. The host uses version 2, or version 1 if the other server does not know
   * version 2.
   */
  sendLeave?(
    request: FederationRequest & {
      readonly roomId: RoomId;
      readonly eventId: EventId;
      readonly event: Readonly<Record<string, unknown>>;
    },
    options: FederationRequestOptions,
  ): Promise<void>;
  /** `GET user/devices`, section "Device Management". */
  queryDevices?(
    request: FederationRequest & { readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<RemoteDevices>;
  /** `GET state`, section "Retrieving events". Returns the state before the event. */
  lookupState?(
    request: FederationRequest & { readonly roomId: RoomId; readonly eventId: EventId },
    options: FederationRequestOptions,
  ): Promise<RemoteState>;
  /**
   * Section "Retrieving server keys". Returns the wanted keys of the destination. A key may come from the host's cache if it is
   * still valid at the wanted time. The answer lacks keys that the server does not have.
   */
  verifyKeys?(
    request: FederationRequest & {
      readonly keyIds: readonly string[];
      /**
       * A time in ms since the epoch. The host requests a cached key again if the key expires earlier. @defaultValue any cached
       * key is valid
       */
      readonly minimumValidUntilTs?: number;
    },
    options: FederationRequestOptions,
  ): Promise<readonly ServerKey[]>;
  /**
   * Lists the servers that have failed and whose next attempt is still to come. The list covers all processes of the host, or
   * at least the process that is called. Without this method, the admin API shows no times of attempts.
   */
  listRetries?(): readonly DestinationRetry[] | Promise<readonly DestinationRetry[]>;
  /**
   * Makes the next attempt to reach a server at once. If the host has several processes, the process that is waiting for this
   * attempt makes it. The plugin has already removed the server from `federationsender_blacklist` and
   * `federationsender_assumed_offline`. @defaultValue the plugin calls `wake()`
   */
  retryNow?(destination: ServerName): void | Promise<void>;
}

/** A file of the host's media store. */
export interface MediaFile {
  /** Dendrite's `base64hash`: the SHA-256 of the content in unpadded url-safe base64. Several media may share one file. */
  readonly hash: string;
  /** The thumbnail of the content that the file holds. @defaultValue the file holds the content itself */
  readonly thumbnail?: MediaThumbnail;
}

/** The size of a thumbnail in pixels, and how the host made it. */
export interface MediaThumbnail {
  readonly width: number;
  readonly height: number;
  readonly method: 'crop' | 'scale';
}

/** A page of the list of files in the host's media store. */
export interface MediaFilePage {
  /** Each file with its size in bytes. */
  readonly files: readonly (MediaFile & { readonly size: number })[];
  /** The value of `after` for the next page. `undefined` on the last page. */
  readonly next: string | undefined;
}

/**
 * The host's store of media files. `docs/host-guide.md` describes a lock that prevents the plugin from removing a file while
 * the homeserver stores media with the same content.
 */
export interface MediaStore {
  /**
   * Removes files. If a given file holds the content of a media, the method must also remove all thumbnails of its hash. A
   * missing file is not an error. If the method throws, the plugin calls it again later.
   */
  remove(files: readonly MediaFile[]): Promise<void>;
  /** Returns the size of a file in bytes. Returns `undefined` if the file does not exist. */
  sizeOf(file: MediaFile): Promise<number | undefined>;
  /**
   * Lists the files of the store, page by page, in an order that never changes. Without this method, `checkMedia` does not find
   * files that no row of the database names.
   * @param after `next` of the previous page; `undefined` for the first page
   */
  list?(after: string | undefined, limit: number): Promise<MediaFilePage>;
}

/**
 * What the homeserver provides to the plugin. The plugin's `stop()` closes nothing of what the host provides. The object may
 * have more members, and may be an instance of a class. But `createAdminPlugin()` refuses an unknown member whose name looks
 * like a misspelling of a known one.
 */
export interface Host {
  /** The main server name. Dendrite calls it `global.server_name`. */
  readonly serverName: ServerName;
  /** Further local server names. Dendrite calls them `global.virtual_hosts`. @defaultValue none */
  readonly virtualHosts?: readonly ServerName[];
  /**
   * Knex with PostgreSQL 13 or later. Its pool must be larger than `limits.connections`, because the host needs the other
   * connections.
   */
  readonly db: Knex;
  /** At least one key for each local server name, including virtual hosts. Keys for other names are not allowed. */
  readonly signingKeys: readonly SigningKey[];
  /** The logger. @defaultValue nothing is logged */
  readonly logger?: Logger;
  /**
   * The registry to which the plugin adds its metrics. The plugin's `stop()` removes the metrics. @defaultValue there are no
   * metrics
   */
  readonly metrics?: {
    /** A registry of prom-client. */
    readonly registry: Registry;
  };
  /** Application services. Their access tokens belong to no device. @defaultValue none */
  readonly appservices?: readonly Appservice[];
  /**
   * Sends to other servers what the plugin has queued for them, and sends requests to them. @defaultValue the plugin queues
   * events for other servers, and sends no requests
   */
  readonly federation?: FederationSender;
  /** Receives the rooms and users that have something new for `/sync`. @defaultValue clients get changes with their next sync */
  readonly notifier?: Notifier;
  /** The store of media files. @defaultValue there is no store, and the plugin cannot remove media */
  readonly media?: MediaStore;
  /** Receives the rooms and users to remove from the host's caches. @defaultValue the host has no caches */
  readonly caches?: Caches;
}

/** `admin.events` of the plugin: takes the events that the homeserver writes. */
export interface Events {
  /**
   * Updates what the plugin stores about events, such as the search index. Call it for every event that the homeserver writes,
   * of any type. Call it for a redaction after the redacted event has been overwritten. Pass the transaction that writes the
   * events, and make this call its last statement. The events and the plugin's data then change together.
   */
  readonly apply: ApplyEvents;
}

export type ApplyEvents = (
  events: readonly AppliedEvent[],
  options?: { readonly transaction?: Knex.Transaction },
) => Promise<void>;

/** A room event that the host has just written, of any type. It is the input of `admin.events.apply()`. */
export interface AppliedEvent {
  readonly event_id: EventId | string;
  readonly room_id: RoomId | string;
  readonly type: string;
  readonly state_key?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** The field `redacts` of an `m.room.redaction`. Since room version 11, it is inside the content. */
  readonly redacts?: string;
  /**
   * Whether the event has added or removed events of the room's current state. A homeserver that knows it saves the plugin a
   * query for each message. @defaultValue `true` for a state event. For other events, the plugin reads the event's row in
   * `syncapi_output_room_events`, because an event that joins branches of a room may change the state.
   */
  readonly changes_state?: boolean;
}
