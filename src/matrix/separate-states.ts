import type { CheckedEvent } from './check-event.ts';

/** The events of a room's state, by the name that `stateName()` makes from type and state key. */
export type StateMap = ReadonlyMap<string, CheckedEvent>;

/** What several states of a room have in common, and where they differ. */
export interface SeparatedStates {
  readonly states: readonly StateMap[];
  /** The entries that are equal in all states. An entry is the event of one type and state key. */
  readonly unconflicted: StateMap;
  /** The other entries, each with its different events. If an entry has only one event, some states have no such entry. */
  readonly conflicted: ReadonlyMap<string, readonly CheckedEvent[]>;
}

/**
 * Finds the common and the differing entries of several states. Source: room version 2, "State resolution", "Unconflicted state
 * map and conflicted state set".
 */
export function* separate(states: readonly StateMap[]): Generator<undefined, SeparatedStates, undefined> {
  const names = new Set<string>();
  for (const state of states) {
    for (const name of state.keys()) {
      yield;
      names.add(name);
    }
  }
  const unconflicted = new Map<string, CheckedEvent>();
  const conflicted = new Map<string, readonly CheckedEvent[]>();
  for (const name of names) {
    yield;
    const found = states.flatMap((state) => state.get(name) ?? []);
    const different = [...new Set(found)];
    const [only] = different;
    if (only !== undefined && different.length === 1 && found.length === states.length) unconflicted.set(name, only);
    else conflicted.set(name, different);
  }
  return { states, unconflicted, conflicted };
}
