import { MatrixError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `@localpart:server_name`. Source: Matrix specification, Appendices, "User Identifiers". */
export type UserId = Branded<'UserId'>;
/** `!opaque:server_name`. Since room version 12: `!` and 43 characters of URL-safe base64. */
export type RoomId = Branded<'RoomId'>;
/** `#localpart:server_name`. Source: Matrix specification, Appendices, "Room Aliases". */
export type RoomAlias = Branded<'RoomAlias'>;
/** `$opaque:server_name` in room versions 1 and 2. In later versions: `$` and the reference hash in base64. */
export type EventId = Branded<'EventId'>;
/** A host name or an IP address, with an optional port. Source: Matrix specification, Appendices, "Server Name". */
export type ServerName = Branded<'ServerName'>;

const MAX_ID_BYTES = 255;
const SERVER_NAME = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::\d{1,5})?$/;
/** Matches historical localparts too, which consist of printable ASCII characters except the colon. */
const USER_ID = /^@([\x21-\x39\x3b-\x7e]*):(.+)$/;
const ROOM_ID = /^!(?:[A-Za-z0-9_-]{43}|[^:\0]+:(.+))$/;
const ROOM_ALIAS = /^#[^:\0]+:(.+)$/;
const EVENT_ID = /^\$[^\0]+$/;

const fits = (id: string): boolean => Buffer.byteLength(id) <= MAX_ID_BYTES;

/** Tells whether `value` is a server name. */
export function isServerName(value: string): value is ServerName {
  return SERVER_NAME.test(value);
}

/** Tells whether `value` is a user id. Historical localparts are allowed. */
export function isUserId(value: string): value is UserId {
  const serverName = USER_ID.exec(value)?.[2];
  return serverName !== undefined && isServerName(serverName) && fits(value);
}

/** Tells whether `value` is a room id of any room version. */
export function isRoomId(value: string): value is RoomId {
  const match = ROOM_ID.exec(value);
  return match !== null && (match[1] === undefined || isServerName(match[1])) && fits(value);
}

/** Tells whether `value` is a room alias. */
export function isRoomAlias(value: string): value is RoomAlias {
  const serverName = ROOM_ALIAS.exec(value)?.[1];
  return serverName !== undefined && isServerName(serverName) && fits(value);
}

/** Tells whether `value` is an event id of any room version. */
export function isEventId(value: string): value is EventId {
  return EVENT_ID.test(value) && fits(value);
}

/** Returns the two parts of a user id. @throws MatrixError `M_INVALID_PARAM` if `userId` is not a user id */
export function splitUserId(userId: string): { localpart: string; serverName: ServerName } {
  const [, localpart, serverName] = USER_ID.exec(userId) ?? [];
  if (localpart === undefined || serverName === undefined || !isServerName(serverName)) {
    throw new MatrixError('M_INVALID_PARAM', 'not a user id');
  }
  return { localpart, serverName };
}

/** Joins a localpart and a server name, which Dendrite's tables store separately. */
export function userIdOf(localpart: string, serverName: string): UserId {
  return `@${localpart}:${serverName}` as UserId;
}
