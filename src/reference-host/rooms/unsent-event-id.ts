import { createHash } from 'node:crypto';
import type { EventId } from '../../index.ts';

/**
 * Makes an event id for an event that the homeserver does not write, because the sender is shadow-banned. The sender gets this
 * id in the answer. Calls with the same arguments return the same id.
 */
export function unsentEventId(...request: readonly unknown[]): EventId {
  return `$${createHash('sha256').update(JSON.stringify(request)).digest('base64url')}` as EventId;
}
