import { authChainOf, authDifference, authEventsOf, conflictedSubgraph, type EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import { authorise } from './authorise.ts';
import { type CheckedEvent, judgedAs } from './check-event.ts';
import { mainlineOrdering } from './mainline-ordering.ts';
import { reverseTopologicalPowerOrdering } from './power-ordering.ts';
import type { RoomVersion } from './room-version.ts';
import type { SeparatedStates, StateMap } from './separate-states.ts';

/**
 * Resolves states by the algorithm of room versions 2 and later. Some events differ between the states or between their auth
 * chains. The algorithm checks these events once more against the authorisation rules: first the power events and the events on
 * which they depend, then the others.
 */
export function* resolveByPower(
  { states, unconflicted, conflicted }: SeparatedStates,
  known: EventIndex,
  version: RoomVersion,
): Generator<undefined, StateMap, undefined> {
  const isSecond = version.stateResolution === '2';
  const full = new Set([...conflicted.values()].flat());
  const others = states.map((state) => [...conflicted.keys()].flatMap((name) => state.get(name) ?? []));
  const subgraph = isSecond ? [] : yield* conflictedSubgraph(full, known);
  for (const event of subgraph) full.add(event);
  for (const event of yield* authDifference(unconflicted.values(), others, known)) full.add(event);
  // Since room version 12, events do not list the create event in `auth_events`, so the function looks for it among all events.
  const create = version.privilegedCreators
    ? [...known.values()].find(({ type }) => type === 'm.room.create')
    : undefined;

  const first = new Set([...full].filter(isPowerEvent));
  for (const event of yield* authChainOf(first, known)) {
    if (full.has(event)) first.add(event);
  }
  const state = new Map(isSecond ? unconflicted : []);
  const ordered = yield* reverseTopologicalPowerOrdering(first, known, create, version);
  yield* apply(ordered, state, (event) => isAllowed(event, state, known, create, version));
  const rest = yield* mainlineOrdering(
    [...full].filter((event) => !first.has(event)),
    state.get(stateName('m.room.power_levels', '')),
    known,
  );
  yield* apply(rest, state, (event) => isAllowed(event, state, known, create, version));
  for (const [name, event] of unconflicted) {
    yield;
    state.set(name, event);
  }
  return state;
}

/** Adds the events to the state one after another. Skips an event that the state so far does not allow. */
function* apply(
  events: readonly CheckedEvent[],
  state: Map<string, CheckedEvent>,
  allows: (event: CheckedEvent) => boolean,
): Generator<undefined, void, undefined> {
  for (const event of events) {
    yield;
    const { type, stateKey } = event;
    if (stateKey !== undefined && allows(event)) state.set(stateName(type, stateKey), event);
  }
}

/** Tells whether an event is a power event. Such an event can forbid something to another user, for example by a ban. */
function isPowerEvent({ type, stateKey, sender, content }: CheckedEvent): boolean {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === '';
  if (type !== 'm.room.member' || stateKey === undefined || stateKey === sender) return false;
  return content.membership === 'leave' || content.membership === 'ban';
}

/**
 * Checks an event against the state that was resolved so far. If a state event that the check needs is missing from this state,
 * the check uses the corresponding auth event of the event, or `create`.
 */
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
