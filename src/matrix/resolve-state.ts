import type { EventId } from '../ids.ts';
import type { EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import type { CheckedEvent } from './check-event.ts';
import { resolveByDepth } from './resolve-by-depth.ts';
import { resolveByPower } from './resolve-by-power.ts';
import type { RoomVersion } from './room-version.ts';
import { separate } from './separate-states.ts';

/**
 * The one state of a room that follows from several which differ. Matrix specification, "Room Versions", "State
 * resolution" of versions 1, 2 and 12.
 * @param states ids of the state events of each
 * @param known those events and their auth chains; what is missing counts as rejected
 */
export function resolveState(
  states: readonly (readonly EventId[])[],
  known: EventIndex,
  version: RoomVersion,
): CheckedEvent[] {
  const maps = states.map(
    (ids) =>
      new Map(
        ids.flatMap((id) => {
          const event = known.get(id);
          return event?.stateKey === undefined ? [] : [[stateName(event.type, event.stateKey), event] as const];
        }),
      ),
  );
  const resolve = version.stateResolution === '1' ? resolveByDepth : resolveByPower;
  return [...resolve(separate(maps), known, version).values()];
}
