import type { Knex } from 'knex';
import type { Context } from 'koa';
import type { ChainSettings } from '../../homeserver/index.ts';
import {
  type AdminPlugin,
  type EventId,
  isEventId,
  isRoomId,
  isServerName,
  isUserId,
  type Logger,
  MatrixError,
  type Notifier,
  type RoomId,
  type ServerName,
  type SigningKey,
  type UserId,
} from '../../index.ts';
import type { VerifyKeys } from './server-keys.ts';

/** The parts of the homeserver that the routes for other servers use. */
export interface FederationContext {
  readonly db: Knex;
  /** The homeserver's main server name. */
  readonly serverName: ServerName;
  /** One key for each local server name. */
  readonly signingKeys: readonly SigningKey[];
  readonly accounts: Pick<AdminPlugin['accounts'], 'check'>;
  readonly rooms: Pick<AdminPlugin['rooms'], 'check' | 'states'>;
  /** The settings with which the homeserver writes received events. */
  readonly chain: ChainSettings;
  readonly verifyKeys: VerifyKeys;
  /**
   * The authentication of requests calls this function for the server that has sent a request. The federation sender then tries
   * to reach that server again.
   */
  readonly alive: (serverName: ServerName) => Promise<void>;
  /** Makes the federation sender look at the queues of these servers. Call this function after the commit. */
  readonly wake: (destinations: readonly ServerName[]) => void;
  /** Wakes clients that wait in `/sync`. */
  readonly notifier: Notifier;
  readonly logger: Logger;
}

/**
 * A request from another server. The homeserver has checked the request's signature. `origin` is the other server, and
 * `destination` is the local server name for which the request is signed, by default the main one.
 */
export type ServerRequest = Context & {
  readonly params: Readonly<Record<string, string>>;
  readonly state: { origin: ServerName; destination: ServerName };
};

/** Returns the room id in the path. @throws MatrixError `M_INVALID_PARAM` if the text there is not a room id */
export function roomIdOf({ params: { roomId = '' } }: ServerRequest): RoomId {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'not a room id');
  return roomId;
}

/** Returns the value if it is an event id. @throws MatrixError `M_INVALID_PARAM` if the value is not an event id */
export function eventIdIn(eventId: unknown): EventId {
  if (typeof eventId !== 'string' || !isEventId(eventId)) throw new MatrixError('M_INVALID_PARAM', 'not an event id');
  return eventId;
}

/** Returns the user id in the path. @throws MatrixError `M_INVALID_PARAM` if the text there is not a user id */
export function userIdOf({ params: { userId = '' } }: ServerRequest): UserId {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'not a user id');
  return userId;
}

/** Tells whether a text is one of the server names of this homeserver. */
export function isLocal({ signingKeys }: Pick<FederationContext, 'signingKeys'>, name: string): name is ServerName {
  return isServerName(name) && signingKeys.some(({ serverName }) => serverName === name);
}
