import type { EventId } from '../ids.ts';
import type { CheckedEvent } from './check-event.ts';

/** Events by id; what is missing counts as rejected. */
export type EventIndex = ReadonlyMap<EventId, CheckedEvent>;

/** The auth events of an event that are known. */
export function authEventsOf({ authEventIds }: CheckedEvent, known: EventIndex): CheckedEvent[] {
  return authEventIds.map((id) => known.get(id)).filter((event) => event !== undefined);
}

/** All that is reached from the events by steps, without themselves unless a step leads to them. */
function reached<Node>(from: Iterable<Node>, step: (node: Node) => Iterable<Node>): Set<Node> {
  const found = new Set<Node>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const next of step(node)) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

/** Auth events of the events, theirs, and so on. Room version 2, "State resolution", "Auth chain". */
export function authChainOf(events: Iterable<CheckedEvent>, known: EventIndex): Set<CheckedEvent> {
  return reached(events, (event) => authEventsOf(event, known));
}

/** Events in the auth chain of some states, but not of all. Room version 2, "State resolution", "Auth difference". */
export function authDifference(states: readonly (readonly CheckedEvent[])[], known: EventIndex): CheckedEvent[] {
  const chains = states.map((state) => authChainOf(state, known));
  const all = new Set(chains.flatMap((chain) => [...chain]));
  return [...all].filter((event) => !chains.every((chain) => chain.has(event)));
}

/** The events and all on paths between them. Room version 12, "State resolution", "Conflicted state subgraph". */
export function conflictedSubgraph(conflicted: ReadonlySet<CheckedEvent>, known: EventIndex): CheckedEvent[] {
  const below = new Set([...conflicted, ...authChainOf(conflicted, known)]);
  const authorised = new Map<CheckedEvent, CheckedEvent[]>();
  for (const event of below) {
    for (const auth of authEventsOf(event, known)) authorised.set(auth, [...(authorised.get(auth) ?? []), event]);
  }
  const above = reached(conflicted, (event) => authorised.get(event) ?? []);
  return [...below].filter((event) => conflicted.has(event) || above.has(event));
}
