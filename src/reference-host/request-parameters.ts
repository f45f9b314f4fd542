import type { Context } from 'koa';
import { type EventId, isEventId, isRoomId, isUserId, MatrixError, type RoomId, type UserId } from '../index.ts';
import { isRoomAlias, type RoomAlias } from '../matrix/index.ts';

/** A request of a client, with the parameters in its path. */
export type ClientRequest = Context & { params: Readonly<Record<string, string>> };

/** Maximum length of a path parameter, in bytes. The specification has the same limit for user ids, room ids and aliases. */
const MAX_BYTES = 255;

/** Returns the paths of a route in an old version (r0) and in the current version (v3) of the Client-Server API. */
export const clientPaths = (path: string): string[] => [`/_matrix/client/r0${path}`, `/_matrix/client/v3${path}`];

/**
 * Returns a path parameter, or an empty text if the path has no such parameter.
 * @throws MatrixError `M_INVALID_PARAM` if the parameter is too long, or if PostgreSQL cannot store it
 */
export function parameterOf({ params }: ClientRequest, name: string): string {
  const value = params[name] ?? '';
  const fits = Buffer.byteLength(value) <= MAX_BYTES && !value.includes('\0') && value.isWellFormed();
  if (!fits) throw new MatrixError('M_INVALID_PARAM', `${name} is too long, or has characters that are not allowed`);
  return value;
}

/** Returns the first value of a query parameter, or `undefined` if the parameter is missing or empty. */
export const queryOf = ({ query }: Context, name: string): string | undefined => [query[name]].flat()[0] || undefined;

/**
 * Returns the query parameter `limit`. Returns `max` if the parameter is greater.
 * @param fallback the result if the parameter is missing or empty
 * @throws MatrixError `M_INVALID_PARAM` if the parameter is not a whole number from 0 to 999,999,999
 */
export function limitOf(ctx: Context, fallback: number, max: number): number {
  const value = queryOf(ctx, 'limit') ?? String(fallback);
  if (!/^\d{1,9}$/.test(value)) throw new MatrixError('M_INVALID_PARAM', 'limit is not a whole number');
  return Math.min(Number(value), max);
}

function checkedOf<Id extends string>(kind: string, is: (value: string) => value is Id) {
  return (ctx: ClientRequest): Id => {
    const value = parameterOf(ctx, kind);
    if (is(value)) return value;
    throw new MatrixError('M_INVALID_PARAM', `${kind} is not valid`);
  };
}

/**
 * The next four functions return the path parameters `roomId`, `userId`, `eventId` and `alias`. They throw MatrixError
 * `M_INVALID_PARAM` if the parameter is not valid.
 */
export const roomIdOf: (ctx: ClientRequest) => RoomId = checkedOf('roomId', isRoomId);
export const userIdOf: (ctx: ClientRequest) => UserId = checkedOf('userId', isUserId);
export const eventIdOf: (ctx: ClientRequest) => EventId = checkedOf('eventId', isEventId);
export const aliasOf: (ctx: ClientRequest) => RoomAlias = checkedOf('alias', isRoomAlias);
