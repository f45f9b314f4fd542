/**
 * What a homeserver lends to the plugin.
 *
 * **Words.** *Host*: the homeserver process that mounts the plugin. *Plugin*: one `createAdminPlugin()`. *Stream id*: a
 * value of the sequence `syncapi_stream_id`, the position of a row in `/sync`. *NID*: a numeric id of the roomserver
 * tables. *Job*: durable work in the plugin's own tables, done by any process that shares the database.
 *
 * `docs/host-guide.md` says what host and plugin agree on: who allocates ids, locks and their order, what the host asks and
 * calls, what it is told after a commit, several processes, pools and proxies.
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

/** An application service registration, as far as access tokens are concerned. */
export interface Appservice {
  readonly id: string;
  readonly asToken: string;
  /** User ids that the application service may act as. */
  readonly userNamespaces: readonly RegExp[];
}

/**
 * Learns after a commit which rooms and users have something new for `/sync`. A user's changed devices, also a remote user's,
 * are news for everybody who shares a room with the user.
 */
export interface Notifier {
  roomsChanged(roomIds: readonly RoomId[]): void | Promise<void>;
  usersChanged(userIds: readonly UserId[]): void | Promise<void>;
}

/** Learns after a commit which rooms and users the host must drop from its caches. */
export interface Caches {
  dropRooms(roomIds: readonly RoomId[]): void | Promise<void>;
  dropUsers(userIds: readonly UserId[]): void | Promise<void>;
}

/** The servers of a federation request. The origin is the local server name that asks. */
export interface FederationRequest {
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** Options of a federation request. An aborted request ends and throws the signal's reason. */
export interface FederationRequestOptions {
  readonly signal: AbortSignal;
}

/** The answer of `user/devices`. The host has checked the fields that are named here. */
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
  /** Auth events of the state, and their auth events, and so on. */
  readonly authChain: readonly Readonly<Record<string, unknown>>[];
}

/** A signing key of a server, current or old. */
export interface ServerKey {
  readonly serverName: ServerName;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /**
   * In ms since the epoch. Since room version 5 the key must not sign events whose time is later.
   * `valid_until_ts` of current keys, `expired_ts` of old ones.
   */
  readonly validUntilTs: number;
}

/**
 * The host's federation sender. Events are queued for other servers in Dendrite's tables `federationsender_queue_json` and
 * `federationsender_queue_pdus`, in the transaction that writes the event. The sender drains these tables, also what it
 * finds when it starts.
 *
 * The methods that ask another server are optional. `start()` logs which features are off without them. They throw
 * `FederationError` when there is no good answer. Its `reason` distinguishes a refusal from an unreachable server.
 * Sections named here are of the Server-Server API.
 */
export interface FederationSender {
  /** Events have been queued for these servers, and committed. */
  wake(destinations: readonly ServerName[]): void | Promise<void>;
  /** `GET make_leave`, "Leaving Rooms (Rejecting Invites)"; without it remote invites are only forgotten here. */
  makeLeave?(
    request: FederationRequest & { readonly roomId: RoomId; readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<{ readonly event: Readonly<Record<string, unknown>>; readonly roomVersion: string }>;
  /** `PUT send_leave` with an event that is hashed and signed; version 2, or version 1 if the server knows no other. */
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
  /** `GET state`, "Retrieving events": the state before the event. */
  lookupState?(
    request: FederationRequest & { readonly roomId: RoomId; readonly eventId: EventId },
    options: FederationRequestOptions,
  ): Promise<RemoteState>;
  /**
   * "Retrieving server keys": those of the wanted keys of the destination, from the host's own cache if they are still
   * valid at the wanted time. A key that the server does not have is left out.
   */
  verifyKeys?(
    request: FederationRequest & {
      readonly keyIds: readonly string[];
      /** In ms since the epoch. A cached key that expires earlier is fetched again. @defaultValue any cached key is valid */
      readonly minimumValidUntilTs?: number;
    },
    options: FederationRequestOptions,
  ): Promise<readonly ServerKey[]>;
}

/**
 * What the homeserver lends. `stop()` closes none of it. The object may have more members, and may be an instance of a class.
 * `createAdminPlugin()` refuses a member whose name looks like a misspelling of one of these.
 */
export interface Host {
  /** The primary server name, Dendrite's `global.server_name`. */
  readonly serverName: ServerName;
  /** Further local server names, Dendrite's `global.virtual_hosts`. @defaultValue none */
  readonly virtualHosts?: readonly ServerName[];
  /** Knex on PostgreSQL 13 or later. Its pool must be larger than `limits.connections`: the rest is for the host's own use. */
  readonly db: Knex;
  /** At least one key for each local server name, including virtual hosts, and none for other names. */
  readonly signingKeys: readonly SigningKey[];
  /** @defaultValue nothing is logged */
  readonly logger?: Logger;
  /** Registry that metrics are added to, and taken from by `stop()`. @defaultValue no metrics */
  readonly metrics?: { readonly registry: Registry };
  /** @defaultValue none: every access token belongs to a device */
  readonly appservices?: readonly Appservice[];
  /** @defaultValue events are queued for other servers, and nothing is asked of them */
  readonly federation?: FederationSender;
  /** @defaultValue nobody is told, so clients learn at their next sync */
  readonly notifier?: Notifier;
  /** @defaultValue nobody is told */
  readonly caches?: Caches;
}

/** A room event that the host has just written, of any type, as `admin.search.apply()` takes it. */
export interface AppliedEvent {
  readonly event_id: EventId | string;
  readonly room_id: RoomId | string;
  readonly type: string;
  readonly state_key?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** Top-level `redacts` of an `m.room.redaction` before room version 11. */
  readonly redacts?: string;
}
