import { createHash } from 'node:crypto';
import type { EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import { authorise } from './authorise.ts';
import { type CheckedEvent, judgedAs } from './check-event.ts';
import type { RoomVersion } from './room-version.ts';
import type { SeparatedStates, StateMap } from './separate-states.ts';

/** Types of state events on which other state depends, in the order in which the algorithm resolves these types. */
const TYPES = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];

const sha1 = ({ eventId }: CheckedEvent): string => createHash('sha1').update(eventId).digest('hex');

/** Compares events by ascending depth, and then by descending SHA-1 of the event id. */
function byDepth(a: CheckedEvent, b: CheckedEvent): number {
  if (a.depth !== b.depth) return a.depth - b.depth;
  return sha1(a) < sha1(b) ? 1 : -1;
}

/**
 * A state entry, which is a type with a state key, and the events that compete for it. The events are sorted by `byDepth()`.
 */
interface Entry {
  readonly name: string;
  readonly type: string;
  readonly events: readonly CheckedEvent[];
}

/** Resolves states by the algorithm of room version 1, in which deeper events win over events of smaller depth. */
export function* resolveByDepth(
  { unconflicted, conflicted }: SeparatedStates,
  known: EventIndex,
  version: RoomVersion,
): Generator<undefined, StateMap, undefined> {
  const resolved = new Map(unconflicted);
  // In room version 1, an entry is in conflict only if states have different events for it.
  const inConflict: Entry[] = [];
  for (const [name, different] of conflicted) {
    yield;
    const [first, ...others] = different;
    if (first === undefined) continue;
    if (others.length === 0) resolved.set(name, first);
    else inConflict.push({ name, type: first.type, events: [...different].sort(byDepth) });
  }
  const isAllowed = (event: CheckedEvent, find: (name: string) => CheckedEvent | undefined): boolean => {
    const judged = judgedAs(event, (id) => known.get(id));
    return authorise(judged, (type, stateKey) => find(stateName(type, stateKey))?.event, version) === undefined;
  };

  for (const type of TYPES) {
    const entries = inConflict.filter((entry) => entry.type === type);
    yield* addWinners(resolved, entries, ({ name, events }) =>
      lastOfAllowed(events, (event, previous) =>
        isAllowed(event, (wanted) => (wanted === name ? previous : resolved.get(wanted))),
      ),
    );
  }
  const others = inConflict.filter((entry) => !TYPES.includes(entry.type));
  yield* addWinners(resolved, others, ({ events }) =>
    events.findLast((event) => isAllowed(event, (wanted) => resolved.get(wanted))),
  );
  return resolved;
}

/**
 * Adds the winning event of each entry to the state. Adds them only after all winners have been found, so that no winner
 * depends on another.
 */
function* addWinners(
  resolved: Map<string, CheckedEvent>,
  entries: readonly Entry[],
  winnerOf: (entry: Entry) => CheckedEvent | undefined,
): Generator<undefined, void, undefined> {
  const winners: [string, CheckedEvent][] = [];
  for (const entry of entries) {
    yield;
    const winner = winnerOf(entry);
    if (winner !== undefined) winners.push([entry.name, winner]);
  }
  for (const [name, winner] of winners) resolved.set(name, winner);
}

/**
 * The first event wins without a check. Checks the other events in order, each against a state that contains the event before
 * it. Returns the last event before the first event that is not allowed.
 */
function lastOfAllowed(
  [first, ...others]: readonly CheckedEvent[],
  isAllowed: (event: CheckedEvent, previous: CheckedEvent) => boolean,
): CheckedEvent | undefined {
  let winner = first;
  for (const event of others) {
    if (winner === undefined || !isAllowed(event, winner)) break;
    winner = event;
  }
  return winner;
}
