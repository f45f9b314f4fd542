import { MatrixError } from '../../errors.ts';

/** A position in the streams of `/sync`. It names the last row of each stream that a client has received. */
export interface SyncPosition {
  /** Events, invites, account data, and departures from purged rooms: `syncapi_stream_id`. */
  readonly stream: number;
  readonly receipts: number;
  readonly toDevice: number;
  readonly deviceLists: number;
}

/** The position before all rows. */
export const BEGINNING: SyncPosition = { stream: 0, receipts: 0, toDevice: 0, deviceLists: 0 };

/**
 * Dendrite's token: the positions of events, typing notices, receipts, to-device messages, invites, account data, device
 * lists, notification counts and presence. A client keeps its token when Dendrite and this homeserver replace each other.
 */
const TOKEN = /^s(\d{1,15})_\d{1,15}_(\d{1,15})_(\d{1,15})_\d{1,15}_\d{1,15}_(\d{1,15})_\d{1,15}_\d{1,15}$/;

export function tokenOf({ stream, receipts, toDevice, deviceLists }: SyncPosition): string {
  return `s${[stream, 0, receipts, toDevice, stream, stream, deviceLists, 0, 0].join('_')}`;
}

/** @throws MatrixError `M_INVALID_PARAM` */
export function parseToken(token: string): SyncPosition {
  const [, ...parts] = TOKEN.exec(token) ?? [];
  const [stream, receipts, toDevice, deviceLists] = parts.map(Number);
  if (stream === undefined || receipts === undefined || toDevice === undefined || deviceLists === undefined) {
    throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this homeserver');
  }
  return { stream, receipts, toDevice, deviceLists };
}

/** The later position in each stream. */
export function latest(one: SyncPosition, other: SyncPosition): SyncPosition {
  return {
    stream: Math.max(one.stream, other.stream),
    receipts: Math.max(one.receipts, other.receipts),
    toDevice: Math.max(one.toDevice, other.toDevice),
    deviceLists: Math.max(one.deviceLists, other.deviceLists),
  };
}

/** Whether a position is later than another one in any stream. */
export function isBeyond(one: SyncPosition, other: SyncPosition): boolean {
  return (
    one.stream > other.stream ||
    one.receipts > other.receipts ||
    one.toDevice > other.toDevice ||
    one.deviceLists > other.deviceLists
  );
}
