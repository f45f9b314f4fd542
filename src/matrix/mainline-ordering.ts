import { authEventsOf, type EventIndex } from './auth-chain.ts';
import type { CheckedEvent } from './check-event.ts';
import { byTimeThenId } from './power-ordering.ts';
import { sorted } from './sorted.ts';

/**
 * Follows a chain of power levels events. Yields the power levels event among an event's auth events, then the power levels
 * event among the auth events of the yielded event, and so on.
 */
function* powerLevelsBefore(event: CheckedEvent, known: EventIndex): Generator<CheckedEvent> {
  const next = (of: CheckedEvent): CheckedEvent | undefined =>
    authEventsOf(of, known).find(({ type }) => type === 'm.room.power_levels');
  for (let before = next(event); before !== undefined; before = next(before)) yield before;
}

/**
 * Sorts events by the age of the power levels event on which each event depends, oldest first. Source: room version 2, "State
 * resolution", "Mainline ordering".
 * @param powerLevels the newest power levels event. The mainline consists of this event and the chain of power levels events
 * before it.
 */
export function* mainlineOrdering(
  events: readonly CheckedEvent[],
  powerLevels: CheckedEvent | undefined,
  known: EventIndex,
): Generator<undefined, CheckedEvent[], undefined> {
  const positions = new Map<CheckedEvent, number>();
  if (powerLevels !== undefined) {
    positions.set(powerLevels, 0);
    for (const before of powerLevelsBefore(powerLevels, known)) {
      yield;
      positions.set(before, positions.size);
    }
  }
  const end = positions.size;
  const placed: { readonly event: CheckedEvent; readonly position: number }[] = [];
  for (const event of events) {
    yield;
    let position = end;
    const passed: CheckedEvent[] = [];
    for (const before of powerLevelsBefore(event, known)) {
      yield;
      const found = positions.get(before);
      if (found !== undefined) {
        position = found;
        break;
      }
      passed.push(before);
    }
    // Keep the position of each event on the path, so that later events do not follow the same path again.
    for (const before of passed) positions.set(before, position);
    placed.push({ event, position });
  }
  const ordered = yield* sorted(placed, (a, b) => b.position - a.position || byTimeThenId(a.event, b.event));
  return ordered.map(({ event }) => event);
}
