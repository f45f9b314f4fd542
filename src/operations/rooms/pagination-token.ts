import type { PlacedEvent } from '../../storage/syncapi/timeline.ts';

/**
 * A pagination token of Dendrite: `t<depth>_<stream position>`. It stands between two events, and names the one before it.
 * `/sync` also hands out `s<stream position>_…`.
 */
const TOKEN = /^(?:t\d{1,19}_|s)(\d{1,15})(?:_\d{1,19})*$/;

/** The position before all events. */
export const TOKEN_OF_BEGINNING = 't0_0';

export const tokenAfter = ({ topologicalPosition, streamPosition }: PlacedEvent): string =>
  `t${topologicalPosition}_${streamPosition}`;

export const tokenBefore = ({ topologicalPosition, streamPosition }: PlacedEvent): string =>
  `t${topologicalPosition}_${streamPosition - 1}`;

/** The stream position that a token names, or `undefined` if it is no token. */
export function streamPositionOf(token: string): number | undefined {
  const position = TOKEN.exec(token)?.[1];
  return position === undefined ? undefined : Number(position);
}
