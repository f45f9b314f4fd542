import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { type BuiltEvent, finishEvent } from './build-event.ts';
import { randomEventId } from './event-id.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** Fields that another server's template may decide. */
const FROM_TEMPLATE = ['auth_events', 'prev_events', 'depth'];

/**
 * The event that another server has made a template of, `make_leave` for one. Of the template only the event's place in
 * the room is taken. Server-Server API, "Leaving Rooms".
 * @throws MatrixError `M_BAD_JSON` for a template that no event can be made of, `M_TOO_LARGE`
 */
export function completeEvent(
  template: EventJson,
  own: EventJson,
  version: RoomVersion,
  key: SigningKey,
  originServerTs: number,
): BuiltEvent {
  const { auth_events: authEvents, prev_events: prevEvents, depth } = template;
  if (!Array.isArray(authEvents) || !Array.isArray(prevEvents) || !Number.isSafeInteger(depth)) {
    throw new MatrixError('M_BAD_JSON', 'the template has no place in the room');
  }
  const unhashed = {
    ...Object.fromEntries(FROM_TEMPLATE.map((field) => [field, template[field]])),
    ...own,
    ...(version.eventIds === 'random' && { event_id: randomEventId(key.serverName) }),
    origin: key.serverName,
    origin_server_ts: originServerTs,
  };
  return finishEvent(unhashed, version, key);
}
