import { canonicalJson } from './canonical-json.ts';
import type { EventJson } from './room-version.ts';

const MAX_EVENT_BYTES = 65_536;
const MAX_FIELD_BYTES = 255;
const SHORT_FIELDS = ['type', 'state_key', 'room_id', 'sender', 'event_id'];

/**
 * Tells whether an event with its signatures is small enough for all servers. Source: Client-Server API, "Size limits".
 * @throws MatrixError the errors of `canonicalJson()`
 */
export function hasFittingSize(event: EventJson): boolean {
  return Buffer.byteLength(canonicalJson(event)) <= MAX_EVENT_BYTES;
}

/**
 * Returns the first of the `SHORT_FIELDS` whose value is longer than 255 bytes, or `undefined` if there is none. Source:
 * Client-Server API, "Size limits".
 */
export function tooLongField(event: EventJson): string | undefined {
  return SHORT_FIELDS.find((name) => {
    const { [name]: value } = event;
    return typeof value === 'string' && Buffer.byteLength(value) > MAX_FIELD_BYTES;
  });
}
