/**
 * The parts that a homeserver provides to the plugin.
 *
 * **Words.** *Host*: the homeserver process that mounts the plugin. *Plugin*: one `createAdminPlugin()`. *Stream id*: a value
 * of the sequence `syncapi_stream_id`, the position of a row in `/sync`. *NID*: a numeric id of the roomserver tables. *Job*:
 * durable work in the plugin's own tables, done by any process that shares the database.
 *
 * `docs/host-guide.md` describes the contract between host and plugin: allocation of ids, locks and their order, the host's
 * calls, notifications after a commit, several processes, pools and proxies.
 */

import type { KeyObject } from 'node:crypto';
import type { Knex } from 'knex';
import type { Registry } from 'prom-client';
import type { EventId, RoomId, ServerName, UserId } from './ids.ts';

/** A pino-shaped logger. The plugin passes no token, password, MAC, nonce or message body to it. */
export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** An ed25519 key that signs events of one local server name. */
export interface SigningKey {
  readonly serverName: ServerName;
  /** Such as `ed25519:auto`. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** The parts of an application service registration that access tokens need. */
export interface Appservice {
  readonly id: string;
  readonly asToken: string;
  /** User ids that the application service may act as. */
  readonly userNamespaces: readonly RegExp[];
}

/**
 * Called after a commit with the rooms and users that have something new for `/sync`. If devices of a user change, including
 * remote users, everyone who shares a room with the user has something new.
 */
export interface Notifier {
  roomsChanged(roomIds: readonly RoomId[]): void | Promise<void>;
  usersChanged(userIds: readonly UserId[]): void | Promise<void>;
}

/** Called after a commit with the rooms and users that the host must drop from its caches. */
export interface Caches {
  dropRooms(roomIds: readonly RoomId[]): void | Promise<void>;
  dropUsers(userIds: readonly UserId[]): void | Promise<void>;
}

/** The servers of a federation request. The origin is the local server that sends the request. */
export interface FederationRequest {
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** Options of a federation request. If the signal is aborted, the request ends and throws the signal's reason. */
export interface FederationRequestOptions {
  readonly signal: AbortSignal;
}

/** The answer of `user/devices`. The host has checked the fields of this type. */
export interface RemoteDevices {
  readonly streamId: number;
  readonly devices: readonly {
    readonly deviceId: string;
    readonly displayName?: string;
    /** The signed identity keys, as the server sent them. A device that cannot encrypt has none. */
    readonly keys?: Readonly<Record<string, unknown>>;
  }[];
  readonly masterKey?: Readonly<Record<string, unknown>>;
  readonly selfSigningKey?: Readonly<Record<string, unknown>>;
}

/** The state of a room before an event, as another server sent it. Hashes, signatures and rules are not checked yet. */
export interface RemoteState {
  readonly state: readonly Readonly<Record<string, unknown>>[];
  /** Auth events of the state, their auth events, and so on. */
  readonly authChain: readonly Readonly<Record<string, unknown>>[];
}

/** A signing key of a server, current or old. */
export interface ServerKey {
  readonly serverName: ServerName;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /**
   * In ms since the epoch. Since room version 5, the key must not sign events with a later timestamp. This is
   * `valid_until_ts` of a current key and `expired_ts` of an old key.
   */
  readonly validUntilTs: number;
}

/** A server that failed, and that the federation sender will try again. Times are in ms since the epoch. */
export interface DestinationRetry {
  readonly destination: ServerName;
  /** The first of the failures in a row. */
  readonly failingSince: number;
  /** The last of them. */
  readonly lastTry: number;
  readonly nextTry: number;
}

/**
 * The host's federation sender. The plugin queues events for other servers in Dendrite's tables `federationsender_queue_json`
 * and `federationsender_queue_pdus`, in the transaction that writes the event. The sender drains these tables, including rows
 * that it finds at its start.
 *
 * Methods that send requests to another server are optional. `start()` logs which features are off without them. They throw
 * `FederationError` if there is no valid answer. Its `reason` distinguishes a refusal from an unreachable server. Section
 * names refer to the Server-Server API.
 */
export interface FederationSender {
  /** Events for these servers have been queued and committed. */
  wake(destinations: readonly ServerName[]): void | Promise<void>;
  /**
   * `GET make_leave`, "Leaving Rooms (Rejecting Invites)". Without it, remote invites are only forgotten on this homeserver.
   */
  makeLeave?(
    request: FederationRequest & { readonly roomId: RoomId; readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<{ readonly event: Readonly<Record<string, unknown>>; readonly roomVersion: string }>;
  /** `PUT send_leave` with a hashed and signed event. Uses version 2, or version 1 if the server knows no other. */
  sendLeave?(
    request: FederationRequest & {
      readonly roomId: RoomId;
      readonly eventId: EventId;
      readonly event: Readonly<Record<string, unknown>>;
    },
    options: FederationRequestOptions,
  ): Promise<void>;
  /** `GET user/devices`, "Device Management". */
  queryDevices?(
    request: FederationRequest & { readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<RemoteDevices>;
  /** `GET state`, "Retrieving events". Returns the state before the event. */
  lookupState?(
    request: FederationRequest & { readonly roomId: RoomId; readonly eventId: EventId },
    options: FederationRequestOptions,
  ): Promise<RemoteState>;
  /**
   * "Retrieving server keys". Returns the wanted keys of the destination, from the host's cache if they are still valid at
   * the wanted time. Keys that the server does not have are missing from the answer.
   */
  verifyKeys?(
    request: FederationRequest & {
      readonly keyIds: readonly string[];
      /** In ms since the epoch. A cached key that expires earlier is requested again. @defaultValue any cached key is valid */
      readonly minimumValidUntilTs?: number;
    },
    options: FederationRequestOptions,
  ): Promise<readonly ServerKey[]>;
  /**
   * Lists the servers that failed and whose next attempt is still waiting. A host with several processes lists those of all
   * processes, or at least of this one. Without this method, the admin API shows no retry times.
   */
  listRetries?(): readonly DestinationRetry[] | Promise<readonly DestinationRetry[]>;
  /**
   * Tries a server at once, in whichever process is waiting for it. The plugin has removed the server from
   * `federationsender_blacklist` and `federationsender_assumed_offline`. @defaultValue `wake()` is called
   */
  retryNow?(destination: ServerName): void | Promise<void>;
}

/**
 * The objects that the homeserver provides. `stop()` closes none of them. The object may have more members, and may be an
 * instance of a class. `createAdminPlugin()` refuses a member whose name looks like a misspelling of one of these.
 */
export interface Host {
  /** The primary server name, Dendrite's `global.server_name`. */
  readonly serverName: ServerName;
  /** Further local server names, Dendrite's `global.virtual_hosts`. @defaultValue none */
  readonly virtualHosts?: readonly ServerName[];
  /** Knex on PostgreSQL 13 or later. Its pool must be larger than `limits.connections`: the rest is for the host's own use. */
  readonly db: Knex;
  /** At least one key for each local server name, including virtual hosts. No keys for other names. */
  readonly signingKeys: readonly SigningKey[];
  /** Where the plugin logs. @defaultValue nothing is logged */
  readonly logger?: Logger;
  /** Registry to which the plugin adds its metrics. `stop()` removes them. @defaultValue no metrics */
  readonly metrics?: {
    /** A registry of prom-client. */
    readonly registry: Registry;
  };
  /** Application services, whose access tokens belong to no device. @defaultValue none */
  readonly appservices?: readonly Appservice[];
  /**
   * Sends what is queued for other servers, and asks them.
   * @defaultValue events are queued for other servers, and no requests are sent to them
   */
  readonly federation?: FederationSender;
  /** Hears of changes that `/sync` shows. @defaultValue clients receive changes at their next sync */
  readonly notifier?: Notifier;
  /** Hears what to drop from the homeserver's caches. @defaultValue no caches to drop */
  readonly caches?: Caches;
}

/** `admin.events`: takes the events that the homeserver writes. */
export interface Events {
  /**
   * Updates what the plugin stores about events, such as the search index. Call it for every event that you write, of any type.
   * For a redaction, call it after the redacted event is overwritten. Pass the writing transaction and make this its last
   * statement: everything then changes together.
   */
  readonly apply: ApplyEvents;
}

export type ApplyEvents = (
  events: readonly AppliedEvent[],
  options?: { readonly transaction?: Knex.Transaction },
) => Promise<void>;

/** A room event of any type that the host has just written. The input of `admin.events.apply()`. */
export interface AppliedEvent {
  readonly event_id: EventId | string;
  readonly room_id: RoomId | string;
  readonly type: string;
  readonly state_key?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** Top-level `redacts` of an `m.room.redaction` before room version 11. */
  readonly redacts?: string;
}
