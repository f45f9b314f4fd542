/**
 * What a homeserver lends to the plugin, and what the two agree on.
 *
 * **Words.** *Host*: the homeserver process that mounts the plugin. *Plugin*: one `createAdminPlugin()`. *Stream id*: a
 * value of the sequence `syncapi_stream_id`, the position of a row in `/sync`. *NID*: a numeric id of the roomserver
 * tables. *Job*: durable work in the plugin's own tables, done by any process that shares the database.
 *
 * **Tables.** The data contract is Dendrite's PostgreSQL schema, in the database's `public` schema. The plugin never
 * changes a table of it; its own tables are in the schema `matrix_admin`, which `start()` creates and migrates.
 *
 * **Who allocates what.** Host and plugin both take stream ids, NIDs and positions from the same PostgreSQL sequences
 * (`syncapi_stream_id`, `roomserver_event_nid_seq`, …, best through the column's default), inside the transaction that
 * writes the row, never ahead of it and never from a counter in memory. Neither may assume that ids commit in order.
 *
 * **Locks.** Whoever writes events into a room first locks its `roomserver_rooms` row (`SELECT … FOR UPDATE`), then reads
 * the forward extremities. Locks are taken in this order, and each kind in ascending order of its key: the plugin's job
 * row; an advisory lock for the user that a server notice goes to; `roomserver_rooms`, by `room_nid`; `userapi_accounts`, by localpart and
 * server name, before any device of the account is changed; an advisory lock that every change takes which may leave the server
 * without an administrator; `userapi_threepids`, by address and medium; search (see below).
 * The plugin locks no other row of the host for longer than it takes to write it, and holds none of these while it waits for
 * the network.
 *
 * **Search.** For every event that the host adds or redacts it calls `admin.search.apply(events, { transaction })` with
 * the transaction that writes the rows, as the last statement of it: the index then changes with the event, or not at all.
 * The transaction must be READ COMMITTED, PostgreSQL's default: an older snapshot would miss a rebuild that has begun.
 * The call takes a shared advisory lock that the end of a reindex waits for, and then one for each edited or redacted event. A host that can't pass its transaction
 * calls it after the commit, and accepts that a crash in between leaves the event out until the next reindex.
 *
 * **Rooms.** Before it writes an event into a room, and before it lets a local user join, knock, peek or be invited, the
 * host asks `admin.rooms.check(roomId, { transaction })`, with the room's row locked if there is one. `purging`: every
 * event of the room is refused until the purge has ended, those of other servers too; the answer to a client is
 * `M_BAD_STATE`. `blocked`: joins, knocks, peeks and invites of local users are refused with `M_FORBIDDEN`.
 *
 * **Accounts.** Administrators suspend and lock accounts. With every request, once it knows whose access token it is, and with
 * every login the host asks `admin.accounts.check(userId)`. `locked`: everything but logging out is refused with `401
 * M_USER_LOCKED` and `"soft_logout": true`. `suspended`: whatever the specification does not leave to suspended users, sending
 * above all, is refused with `403 M_USER_SUSPENDED`. Answers are kept in memory for two seconds: a change holds at once in the
 * process that made it, and within two seconds in the others. `admin.accounts.capabilities(userId)` is the host's to put into
 * what `GET capabilities` answers.
 *
 * **State of rooms.** The plugin keeps blocks and snapshots of state in memory. The host never changes a block or a snapshot
 * that is stored, and never uses a NID twice. The host updates `federationsender_joined_hosts` in the transaction that changes
 * the state of the room, or within two seconds of it. The plugin remembers the servers in a large room for two seconds, as long
 * as the room's snapshot stays the same.
 *
 * **Reports.** For `POST rooms/{roomId}/report/{eventId}` the host calls `admin.operations.reportEvent()` as the user who
 * reports: the row is Dendrite's, and hooks after `reportEvent` learn of every new report.
 *
 * **After the commit.** `notifier` and `caches` are told what changed, by id, once the transaction has committed, in the
 * process that did the work. Their errors are logged and counted; the operation has happened and its answer stands.
 *
 * **Several processes.** Every process of the homeserver mounts the plugin on the same database with the same options.
 * They share jobs, rate limits and search by themselves. `notifier` and `caches` are called in one process only: a host
 * with several passes the word on to the others (`NOTIFY`, a message bus), as it does for its own writes.
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
