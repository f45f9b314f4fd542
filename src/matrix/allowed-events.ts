import type { EventId } from '../ids.ts';
import type { EventIndex } from './auth-chain.ts';
import { authoriseByAuthEvents, type CheckedEvent } from './check-event.ts';
import type { RoomVersion } from './room-version.ts';

/**
 * Returns those of the given events that the authorisation rules allow, by event id. Each event is checked with its own auth
 * events as the state. An event is allowed only if all its auth events are given and are allowed too. Events whose auth events
 * form a cycle are not allowed.
 */
export function* allowedEvents(
  events: EventIndex,
  version: RoomVersion,
): Generator<undefined, Map<EventId, CheckedEvent>, undefined> {
  const missing = new Map<CheckedEvent, number>();
  const authorises = new Map<EventId, CheckedEvent[]>();
  const ready: CheckedEvent[] = [];
  let create: CheckedEvent | undefined;
  for (const event of events.values()) {
    yield;
    if (event.type === 'm.room.create') create ??= event;
    missing.set(event, event.authEventIds.length);
    if (event.authEventIds.length === 0) ready.push(event);
    for (const id of event.authEventIds) {
      const others = authorises.get(id);
      if (others === undefined) authorises.set(id, [event]);
      else others.push(event);
    }
  }

  const allowed = new Map<EventId, CheckedEvent>();
  for (let event = ready.pop(); event !== undefined; event = ready.pop()) {
    yield;
    if (authoriseByAuthEvents(event, (id) => events.get(id), create, version) !== undefined) continue;
    allowed.set(event.eventId, event);
    for (const authorised of authorises.get(event.eventId) ?? []) {
      const left = (missing.get(authorised) ?? 0) - 1;
      missing.set(authorised, left);
      if (left === 0) ready.push(authorised);
    }
  }
  return allowed;
}
