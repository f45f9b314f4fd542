import type { EventId } from '../ids.ts';
import type { EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import type { CheckedEvent } from './check-event.ts';
import { resolveByDepth } from './resolve-by-depth.ts';
import { resolveByPower } from './resolve-by-power.ts';
import type { RoomVersion } from './room-version.ts';
import { separate } from './separate-states.ts';

/**
 * Resolves several states of a room into one. Yields often, because the work takes long for large rooms. Source: Matrix
 * specification, "Room Versions", "State resolution" of versions 1, 2 and 12.
 * @param states the event ids of each state
 * @param known the events with these ids, and their auth chains. An event that `known` does not contain counts as rejected.
 * @returns the events of the resolved state
 */
export function* resolveState(
  states: readonly (readonly EventId[])[],
  known: EventIndex,
  version: RoomVersion,
): Generator<undefined, CheckedEvent[], undefined> {
  const maps: Map<string, CheckedEvent>[] = [];
  for (const ids of states) {
    const map = new Map<string, CheckedEvent>();
    for (const id of ids) {
      yield;
      const event = known.get(id);
      if (event?.stateKey !== undefined) map.set(stateName(event.type, event.stateKey), event);
    }
    maps.push(map);
  }
  const separated = yield* separate(maps);
  if (separated.conflicted.size === 0) return [...separated.unconflicted.values()];
  const resolve = version.stateResolution === '1' ? resolveByDepth : resolveByPower;
  return [...(yield* resolve(separated, known, version)).values()];
}
