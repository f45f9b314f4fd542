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
 * Told after a commit which rooms and users have something new for `/sync`. Changed devices of a user, be it of another
 * server, are also news for those who share a room with the user.
 */
export interface Notifier {
  roomsChanged(roomIds: readonly RoomId[]): void | Promise<void>;
  usersChanged(userIds: readonly UserId[]): void | Promise<void>;
}

/** Told after a commit what the host must not answer from memory any more. */
export interface Caches {
  dropRooms(roomIds: readonly RoomId[]): void | Promise<void>;
  dropUsers(userIds: readonly UserId[]): void | Promise<void>;
}

/** What a request to another server says. The origin is the local server name that asks. */
export interface FederationRequest {
  readonly origin: ServerName;
  readonly destination: ServerName;
}

/** A request to another server ends when it is aborted, and throws the signal's reason. */
export interface FederationRequestOptions {
  readonly signal: AbortSignal;
}

/** What `user/devices` answers, checked as far as it is named here. */
export interface RemoteDevices {
  readonly streamId: number;
  readonly devices: readonly {
    readonly deviceId: string;
    readonly displayName?: string;
    /** The signed identity keys, as the server sent them; a device that can't encrypt has none. */
    readonly keys?: Readonly<Record<string, unknown>>;
  }[];
  readonly masterKey?: Readonly<Record<string, unknown>>;
  readonly selfSigningKey?: Readonly<Record<string, unknown>>;
}

/** The state of a room before an event, as another server sees it: neither hashes, signatures nor rules are checked. */
export interface RemoteState {
  readonly state: readonly Readonly<Record<string, unknown>>[];
  /** Events that authorise the state, and those that authorise them. */
  readonly authChain: readonly Readonly<Record<string, unknown>>[];
}

/** A key that a server signs with, or has signed with. */
export interface ServerKey {
  readonly serverName: ServerName;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /**
   * In ms since the epoch: events that claim to be of a later time must not be signed with it since room version 5.
   * `valid_until_ts` of current keys, `expired_ts` of old ones.
   */
  readonly validUntilTs: number;
}

/**
 * The host's federation sender. Events are queued for other servers in Dendrite's tables `federationsender_queue_json` and
 * `federationsender_queue_pdus`, in the transaction that writes the event; the sender drains them, also those that it finds
 * when it starts.
 *
 * The methods that ask another server are optional: `start()` logs which features are off for want of one. They throw
 * `FederationError` when there is no good answer, whose `reason` tells a refusal from a server that can't be reached.
 * Sections named here are of the Server-Server API.
 */
export interface FederationSender {
  /** Something was queued for these servers, and committed. */
  wake(destinations: readonly ServerName[]): void | Promise<void>;
  /** `GET make_leave`, "Leaving Rooms (Rejecting Invites)"; without it remote invites are only forgotten here. */
  makeLeave?(
    request: FederationRequest & { readonly roomId: RoomId; readonly userId: UserId },
    options: FederationRequestOptions,
  ): Promise<{ readonly event: Readonly<Record<string, unknown>>; readonly roomVersion: string }>;
  /** `PUT send_leave` with an event that is hashed and signed; version 2, or 1 where the server knows no other. */
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
   * "Retrieving server keys": those of the destination's keys that are wanted and known, from the host's own cache where
   * they are still good at the wanted time. A key that the server does not have is left out.
   */
  verifyKeys?(
    request: FederationRequest & {
      readonly keyIds: readonly string[];
      /** In ms since the epoch: a cached key that ends before this is asked for again. @defaultValue any will do */
      readonly minimumValidUntilTs?: number;
    },
    options: FederationRequestOptions,
  ): Promise<readonly ServerKey[]>;
}

/**
 * What the homeserver lends. Everything stays the host's: `stop()` closes nothing of it. The object may have more members, and
 * may be an instance of a class. `createAdminPlugin()` refuses a member whose name looks like a misspelt one of these.
 */
export interface Host {
  /** The primary server name, Dendrite's `global.server_name`. */
  readonly serverName: ServerName;
  /** Further local server names, Dendrite's `global.virtual_hosts`. @defaultValue none */
  readonly virtualHosts?: readonly ServerName[];
  /** Knex on PostgreSQL 13 or later. Its pool must be larger than `limits.connections`: the rest is for the host's own use. */
  readonly db: Knex;
  /** One or more for each local server name, also of virtual hosts, and none of others. */
  readonly signingKeys: readonly SigningKey[];
  /** @defaultValue nothing is logged */
  readonly logger?: Logger;
  /** Registry that metrics are added to, and taken from by `stop()`. @defaultValue no metrics */
  readonly metrics?: { readonly registry: Registry };
  /** @defaultValue none: every access token is a device's */
  readonly appservices?: readonly Appservice[];
  /** @defaultValue events are queued all the same, and other servers are not asked anything */
  readonly federation?: FederationSender;
  /** @defaultValue nobody is told; clients learn at their next sync */
  readonly notifier?: Notifier;
  /** @defaultValue nobody is told */
  readonly caches?: Caches;
}

/** A room event as `admin.search.apply()` takes it: any event that the host has just written, whatever its type. */
export interface AppliedEvent {
  readonly event_id: EventId | string;
  readonly room_id: RoomId | string;
  readonly type: string;
  readonly state_key?: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** Of `m.room.redaction` before room version 11. */
  readonly redacts?: string;
}
