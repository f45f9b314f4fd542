import { authEventsOf, type EventIndex } from './auth-chain.ts';
import type { CheckedEvent } from './check-event.ts';
import { byTimeThenId } from './power-ordering.ts';
import { sorted } from './sorted.ts';

/**
 * Follows a chain of power levels events. Yields the power levels event among the event's auth events, then the power levels
 * event among the auth events of that event, and so on. Leaves out the given event itself.
 */
function* powerLevelsBefore(event: CheckedEvent, known: EventIndex): Generator<CheckedEvent> {
  const next = (of: CheckedEvent): CheckedEvent | undefined =>
    authEventsOf(of, known).find(({ type }) => type === 'm.room.power_levels');
  for (let before = next(event); before !== undefined; before = next(before)) yield before;
}

/**
 * The mainline is the chain of power levels events that ends with `powerLevels`. Sorts events by their place on the mainline,
 * oldest first. The place of an event is the first mainline event that the event's own chain of power levels events reaches.
 * Events that reach no mainline event come first. Events with equal places are in the order of time and event id. Source: room
 * version 2, "State resolution", "Mainline ordering".
 * @param powerLevels the newest power levels event. `undefined` if there is none; then the mainline is empty.
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
    // Keep the position also for each event on the way to the mainline, so that later events do not go the same way again.
    for (const before of passed) positions.set(before, position);
    placed.push({ event, position });
  }
  const ordered = yield* sorted(placed, (a, b) => b.position - a.position || byTimeThenId(a.event, b.event));
  return ordered.map(({ event }) => event);
}
