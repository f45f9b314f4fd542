import { MatrixError } from '../../index.ts';

/**
 * A position in the streams of `/sync`. A stream is a sequence of rows with ascending ids. For each stream, the position has an
 * id. A client at this position has received the rows up to these ids.
 */
export interface SyncPosition {
  /**
   * The last id from the sequence `syncapi_stream_id`. This stream has events, invites, account data, and the ends of
   * memberships in purged rooms.
   */
  readonly stream: number;
  readonly receipts: number;
  readonly toDevice: number;
  readonly deviceLists: number;
}

/** The position before the first row of every stream. */
export const BEGINNING: SyncPosition = { stream: 0, receipts: 0, toDevice: 0, deviceLists: 0 };

/**
 * A token of `/sync` in Dendrite's format. It has the positions of events, typing notices, receipts, to-device messages,
 * invites, account data, device lists, notification counts and presence. This homeserver reads only the positions of events,
 * receipts, to-device messages and device lists. Because the format is Dendrite's, a client can keep its token when this
 * homeserver replaces Dendrite, and when Dendrite replaces this homeserver.
 */
const TOKEN = /^s(\d{1,15})_\d{1,15}_(\d{1,15})_(\d{1,15})_\d{1,15}_\d{1,15}_(\d{1,15})_\d{1,15}_\d{1,15}$/;

export function tokenOf({ stream, receipts, toDevice, deviceLists }: SyncPosition): string {
  return `s${[stream, 0, receipts, toDevice, stream, stream, deviceLists, 0, 0].join('_')}`;
}

/** Parses a token. @throws MatrixError `M_INVALID_PARAM` if the text is not a token of `/sync` */
export function parseToken(token: string): SyncPosition {
  const [, ...parts] = TOKEN.exec(token) ?? [];
  const [stream, receipts, toDevice, deviceLists] = parts.map(Number);
  if (stream === undefined || receipts === undefined || toDevice === undefined || deviceLists === undefined) {
    throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this homeserver');
  }
  return { stream, receipts, toDevice, deviceLists };
}

/** Returns a position that has, for each stream, the later of the two ids. */
export function latest(one: SyncPosition, other: SyncPosition): SyncPosition {
  return {
    stream: Math.max(one.stream, other.stream),
    receipts: Math.max(one.receipts, other.receipts),
    toDevice: Math.max(one.toDevice, other.toDevice),
    deviceLists: Math.max(one.deviceLists, other.deviceLists),
  };
}

/** Tells whether a position is later than another one in at least one stream. */
export function isBeyond(one: SyncPosition, other: SyncPosition): boolean {
  return (
    one.stream > other.stream ||
    one.receipts > other.receipts ||
    one.toDevice > other.toDevice ||
    one.deviceLists > other.deviceLists
  );
}
