import { authEventsOf, type EventIndex } from './auth-chain.ts';
import type { CheckedEvent } from './check-event.ts';
import { byTimeThenId } from './power-ordering.ts';

/** The power levels that authorise an event, those that authorise them, and so on. */
function* powerLevelsBefore(event: CheckedEvent, known: EventIndex): Generator<CheckedEvent> {
  const next = (of: CheckedEvent): CheckedEvent | undefined =>
    authEventsOf(of, known).find(({ type }) => type === 'm.room.power_levels');
  for (let before = next(event); before !== undefined; before = next(before)) yield before;
}

/**
 * The events by how old the power levels are that they rest on, the oldest first. Room version 2, "State resolution",
 * "Mainline ordering".
 * @param powerLevels the power levels where the mainline begins
 */
export function mainlineOrdering(
  events: Iterable<CheckedEvent>,
  powerLevels: CheckedEvent | undefined,
  known: EventIndex,
): CheckedEvent[] {
  const mainline = powerLevels === undefined ? [] : [powerLevels, ...powerLevelsBefore(powerLevels, known)];
  const positions = new Map(mainline.map((event, position) => [event, position]));
  const positionOf = (event: CheckedEvent): number => {
    for (const before of powerLevelsBefore(event, known)) {
      const position = positions.get(before);
      if (position !== undefined) return position;
    }
    return mainline.length;
  };
  return [...events]
    .map((event) => ({ event, position: positionOf(event) }))
    .sort((a, b) => b.position - a.position || byTimeThenId(a.event, b.event))
    .map(({ event }) => event);
}
