import { createHash } from 'node:crypto';
import type { EventId } from '../../ids.ts';

/** The event id in the answer to a shadow-banned user. The same request gets the same id. */
export function unsentEventId(...request: readonly unknown[]): EventId {
  return `$${createHash('sha256').update(JSON.stringify(request)).digest('base64url')}` as EventId;
}
