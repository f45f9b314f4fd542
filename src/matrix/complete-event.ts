import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { type BuiltEvent, finishEvent } from './build-event.ts';
import { randomEventId } from './event-id.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

/** The fields that `completeEvent()` takes from the template of another server. */
const FROM_TEMPLATE = ['auth_events', 'prev_events', 'depth'];

/**
 * Completes and signs an event for which another server has made a template, for example with `make_leave`. Takes only
 * `auth_events`, `prev_events` and `depth` from the template. Source: Server-Server API, "Leaving Rooms".
 * @param own the fields of the event that the caller sets, such as `type`, `sender` and `content`
 * @param originServerTs time of the event, in ms since the epoch
 * @throws MatrixError `M_BAD_JSON` if the template lacks one of these three fields or the result cannot be written as canonical
 * JSON, `M_TOO_LARGE` if the result or one of its fields is too long
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
    throw new MatrixError('M_BAD_JSON', 'the template does not place the event in the room');
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
