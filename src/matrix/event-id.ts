import { randomBytes } from 'node:crypto';
import { MatrixError } from '../errors.ts';
import { type EventId, isEventId, type ServerName } from '../ids.ts';
import { referenceHash, unpaddedBase64 } from './event-hash.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** Makes a new event id, for room versions in which the sender chooses the id. */
export function randomEventId(serverName: ServerName): EventId {
  return `$${randomBytes(12).toString('base64url')}:${serverName}` as EventId;
}

/**
 * Returns the id of a complete event. In room versions 1 and 2, the id is the field `event_id`. In later versions, the id is
 * the encoded reference hash.
 * @throws MatrixError `M_BAD_JSON` if an event of version 1 or 2 has no id; the errors of `canonicalJson()`
 */
export function eventIdOf(event: EventJson, version: RoomVersion): EventId {
  if (version.eventIds === 'random') return ownEventId(event);
  const hash = referenceHash(event, version);
  return `$${version.eventIds === 'base64' ? unpaddedBase64(hash) : hash.toString('base64url')}` as EventId;
}

function ownEventId({ event_id: id }: EventJson): EventId {
  if (typeof id !== 'string' || !isEventId(id)) throw new MatrixError('M_BAD_JSON', 'the event has no event_id');
  return id;
}
