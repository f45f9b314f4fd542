import type { PlacedEvent } from '../../storage/syncapi/timeline.ts';

/**
 * Matches Dendrite's pagination tokens, `t<depth>_<stream position>`, and the tokens of Dendrite's `/sync`, `s<stream
 * position>_…`. A token stands for a place between two events. The token contains the stream position of the event before this
 * place.
 */
const TOKEN = /^(?:t\d{1,19}_|s)(\d{1,15})(?:_\d{1,19})*$/;

/** The token for the place before all events. */
export const TOKEN_OF_BEGINNING = 't0_0';

export const tokenAfter = ({ topologicalPosition, streamPosition }: PlacedEvent): string =>
  `t${topologicalPosition}_${streamPosition}`;

export const tokenBefore = ({ topologicalPosition, streamPosition }: PlacedEvent): string =>
  `t${topologicalPosition}_${streamPosition - 1}`;

/** Returns the stream position in a token, or `undefined` if the text is not a token. */
export function streamPositionOf(token: string): number | undefined {
  const position = TOKEN.exec(token)?.[1];
  return position === undefined ? undefined : Number(position);
}
