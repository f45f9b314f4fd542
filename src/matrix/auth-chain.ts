import type { EventId } from '../ids.ts';
import type { CheckedEvent } from './check-event.ts';

/** Events by id. An event that the index does not contain counts as rejected. */
export type EventIndex = ReadonlyMap<EventId, CheckedEvent>;

/** Returns those auth events of an event that `known` contains. */
export function authEventsOf({ authEventIds }: CheckedEvent, known: EventIndex): CheckedEvent[] {
  return authEventIds.map((id) => known.get(id)).filter((event) => event !== undefined);
}

/**
 * Returns all nodes that can be reached from the given nodes by one or more steps. The result contains a given node only if a
 * step leads to it. Does not go on from nodes that `isKnown` accepts, and leaves these nodes out.
 */
function* reached<Node>(
  from: Iterable<Node>,
  step: (node: Node) => Iterable<Node>,
  isKnown: (node: Node) => boolean = () => false,
): Generator<undefined, Set<Node>, undefined> {
  const found = new Set<Node>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield;
    for (const next of step(node)) {
      if (found.has(next) || isKnown(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

/**
 * Returns the auth events of the given events, then the auth events of these auth events, and so on. Source: room version 2,
 * "State resolution", "Auth chain".
 */
export function authChainOf(
  events: Iterable<CheckedEvent>,
  known: EventIndex,
): Generator<undefined, Set<CheckedEvent>, undefined> {
  return reached(events, (event) => authEventsOf(event, known));
}

/**
 * Returns the events that are in the auth chains of some states, but not of all states. Source: room version 2, "State
 * resolution", "Auth difference".
 * @param common the events that all states have
 * @param others the other events of each state
 */
export function* authDifference(
  common: Iterable<CheckedEvent>,
  others: readonly (readonly CheckedEvent[])[],
  known: EventIndex,
): Generator<undefined, CheckedEvent[], undefined> {
  // The auth chain of the common events is part of every state's auth chain. So the function computes this chain only once, and
  // follows the chains of other events only until they reach it.
  const shared = yield* authChainOf(common, known);
  const chains: Set<CheckedEvent>[] = [];
  for (const events of others) {
    chains.push(
      yield* reached(
        events,
        (event) => authEventsOf(event, known),
        (event) => shared.has(event),
      ),
    );
  }
  const difference = new Set<CheckedEvent>();
  for (const chain of chains) {
    for (const event of chain) {
      yield;
      if (!chains.every((other) => other.has(event))) difference.add(event);
    }
  }
  return [...difference];
}

/**
 * Returns the given events, and all events on a path from one given event to another. A path leads from an event to its auth
 * events. Source: room version 12, "State resolution", "Conflicted state subgraph".
 */
export function* conflictedSubgraph(
  conflicted: ReadonlySet<CheckedEvent>,
  known: EventIndex,
): Generator<undefined, CheckedEvent[], undefined> {
  const below = new Set(conflicted);
  for (const event of yield* authChainOf(conflicted, known)) below.add(event);
  const authorised = new Map<CheckedEvent, CheckedEvent[]>();
  for (const event of below) {
    yield;
    for (const auth of authEventsOf(event, known)) {
      const events = authorised.get(auth);
      if (events === undefined) authorised.set(auth, [event]);
      else events.push(event);
    }
  }
  const above = yield* reached(conflicted, (event) => authorised.get(event) ?? []);
  return [...below].filter((event) => conflicted.has(event) || above.has(event));
}
