import { authEventsOf, type EventIndex } from './auth-chain.ts';
import type { CheckedEvent } from './check-event.ts';
import { powerLevelOf } from './power-levels.ts';
import type { RoomVersion } from './room-version.ts';
import { sorted } from './sorted.ts';

/** Compares events by `origin_server_ts`, and equal times by event id. Source: room version 2, "State resolution". */
export function byTimeThenId(a: CheckedEvent, b: CheckedEvent): number {
  if (a.originServerTs !== b.originServerTs) return a.originServerTs - b.originServerTs;
  return a.eventId < b.eventId ? -1 : 1;
}

/**
 * Sorts events so that each event comes after its auth events. If several events could come next, the event whose sender has
 * the highest power level comes first. If levels are equal, the order of `byTimeThenId()` decides. Source: room version 2,
 * "State resolution", "Reverse topological power ordering".
 */
export function* reverseTopologicalPowerOrdering(
  events: ReadonlySet<CheckedEvent>,
  known: EventIndex,
  create: CheckedEvent | undefined,
  version: RoomVersion,
): Generator<undefined, CheckedEvent[], undefined> {
  const levels = new Map<CheckedEvent, number>();
  for (const event of events) {
    yield;
    levels.set(event, senderLevel(event, known, create, version));
  }
  // The function compares levels and does not subtract them, because the difference of two infinite levels is NaN.
  const levelOf = (event: CheckedEvent): number => levels.get(event) ?? 0;
  const compare = (a: CheckedEvent, b: CheckedEvent): number =>
    levelOf(a) === levelOf(b) ? byTimeThenId(a, b) : levelOf(b) > levelOf(a) ? 1 : -1;

  const waitsFor = new Map<CheckedEvent, number>();
  const authorises = new Map<CheckedEvent, CheckedEvent[]>();
  for (const event of events) {
    yield;
    const before = [...new Set(authEventsOf(event, known))].filter((auth) => events.has(auth));
    waitsFor.set(event, before.length);
    for (const auth of before) {
      const after = authorises.get(auth);
      if (after === undefined) authorises.set(auth, [event]);
      else after.push(event);
    }
  }

  const ordered: CheckedEvent[] = [];
  // The array is in reverse order, so that the next event is at the end, where its removal is cheap.
  const ready = yield* sorted(
    [...events].filter((event) => waitsFor.get(event) === 0),
    (a, b) => compare(b, a),
  );
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    yield;
    ordered.push(next);
    for (const event of authorises.get(next) ?? []) {
      const left = (waitsFor.get(event) ?? 0) - 1;
      waitsFor.set(event, left);
      if (left === 0) ready.splice(placeOf(event, ready, compare), 0, event);
    }
  }
  return ordered;
}

/** Returns the index at which to insert an event into an array that is in reverse order of `compare()`. */
function placeOf(
  event: CheckedEvent,
  descending: readonly CheckedEvent[],
  compare: (a: CheckedEvent, b: CheckedEvent) => number,
): number {
  let [low, high] = [0, descending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = descending[middle];
    if (other !== undefined && compare(other, event) > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Returns the power level of the event's sender, according to the event's own auth events. If these lack the create event,
 * `create` takes its place, or else the event itself.
 */
function senderLevel(
  event: CheckedEvent,
  known: EventIndex,
  create: CheckedEvent | undefined,
  version: RoomVersion,
): number {
  const authEvents = authEventsOf(event, known);
  const power = {
    create: (authEvents.find(({ type }) => type === 'm.room.create') ?? create ?? event).event,
    powerLevels: authEvents.find(({ type }) => type === 'm.room.power_levels')?.event,
  };
  return powerLevelOf(power, version, event.sender);
}
