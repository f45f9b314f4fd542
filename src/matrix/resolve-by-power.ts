import { authChainOf, authDifference, authEventsOf, conflictedSubgraph, type EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import { authorise } from './authorise.ts';
import { type CheckedEvent, judgedAs } from './check-event.ts';
import { mainlineOrdering } from './mainline-ordering.ts';
import { reverseTopologicalPowerOrdering } from './power-ordering.ts';
import type { RoomVersion } from './room-version.ts';
import type { SeparatedStates, StateMap } from './separate-states.ts';

/** State resolution since room version 2, in which events are judged again, those of powerful users first. */
export function resolveByPower(
  { states, unconflicted, conflicted }: SeparatedStates,
  known: EventIndex,
  version: RoomVersion,
): StateMap {
  if (conflicted.size === 0) return unconflicted;
  const isSecond = version.stateResolution === '2';
  const conflictedSet = new Set([...conflicted.values()].flat());
  const full = new Set([
    ...conflictedSet,
    ...(isSecond ? [] : conflictedSubgraph(conflictedSet, known)),
    ...authDifference(
      states.map((state) => [...state.values()]),
      known,
    ),
  ]);
  // Only the room id leads to the create event since version 12.
  const create = version.privilegedCreators
    ? [...known.values()].find(({ type }) => type === 'm.room.create')
    : undefined;

  const powerEvents = [...full].filter(isPowerEvent);
  const first = new Set([...powerEvents, ...[...authChainOf(powerEvents, known)].filter((event) => full.has(event))]);
  const state = new Map(isSecond ? unconflicted : []);
  const apply = (events: readonly CheckedEvent[]): void => {
    for (const event of events) {
      const { type, stateKey } = event;
      if (stateKey === undefined || !isAllowed(event, state, known, create, version)) continue;
      state.set(stateName(type, stateKey), event);
    }
  };
  apply(reverseTopologicalPowerOrdering(first, known, create, version));
  const others = [...full].filter((event) => !first.has(event));
  apply(mainlineOrdering(others, state.get(stateName('m.room.power_levels', '')), known));
  return new Map([...state, ...unconflicted]);
}

/** Events that may take from somebody what they could do. */
function isPowerEvent({ type, stateKey, sender, content }: CheckedEvent): boolean {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === '';
  if (type !== 'm.room.member' || stateKey === undefined || stateKey === sender) return false;
  return content.membership === 'leave' || content.membership === 'ban';
}

/** Judges an event by the state as far as it is resolved, and beyond that by its own auth events. */
function isAllowed(
  event: CheckedEvent,
  state: StateMap,
  known: EventIndex,
  create: CheckedEvent | undefined,
  version: RoomVersion,
): boolean {
  const own = [...authEventsOf(event, known), ...(create === undefined ? [] : [create])];
  const lookUp = (type: string, stateKey: string): CheckedEvent['event'] | undefined =>
    (state.get(stateName(type, stateKey)) ?? own.find((auth) => auth.type === type && auth.stateKey === stateKey))
      ?.event;
  return (
    authorise(
      judgedAs(event, (id) => known.get(id)),
      lookUp,
      version,
    ) === undefined
  );
}
