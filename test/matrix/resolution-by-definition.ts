import { createHash } from 'node:crypto';
import type { EventId } from '../../src/ids.ts';
import { stateName } from '../../src/matrix/auth-events.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { type CheckedEvent, judgedAs } from '../../src/matrix/check-event.ts';
import { mainlineOrdering } from '../../src/matrix/mainline-ordering.ts';
import { powerLevelOf } from '../../src/matrix/power-levels.ts';
import type { RoomVersion } from '../../src/matrix/room-version.ts';
import { finished } from '../support/finished.ts';

/** Computes state resolution exactly as the specification describes it, without any optimisation. */

type Known = ReadonlyMap<EventId, CheckedEvent>;
type State = Map<string, CheckedEvent>;

const nameOf = ({ type, stateKey }: CheckedEvent): string => stateName(type, stateKey ?? '');
const authEvents = (event: CheckedEvent, known: Known): CheckedEvent[] =>
  event.authEventIds.flatMap((id) => known.get(id) ?? []);

/** Returns the auth events of the event, the auth events of these, and so on. */
function authChain(event: CheckedEvent, known: Known): Set<CheckedEvent> {
  const chain = new Set<CheckedEvent>();
  const waiting = authEvents(event, known);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (chain.has(next)) continue;
    chain.add(next);
    waiting.push(...authEvents(next, known));
  }
  return chain;
}

const createEventOf = (known: Known, { privilegedCreators }: RoomVersion): CheckedEvent | undefined =>
  privilegedCreators ? [...known.values()].find(({ type }) => type === 'm.room.create') : undefined;

function allows(
  event: CheckedEvent,
  find: (name: string) => CheckedEvent | undefined,
  known: Known,
  version: RoomVersion,
) {
  const judged = judgedAs(event, (id) => known.get(id));
  return authorise(judged, (type, stateKey) => find(stateName(type, stateKey))?.event, version) === undefined;
}

/**
 * "Reverse topological power ordering" of the specification. Repeatedly takes the next event by power, time and id, among the
 * events whose auth events have all been taken.
 */
export function orderingByDefinition(
  events: ReadonlySet<CheckedEvent>,
  known: Known,
  version: RoomVersion,
): CheckedEvent[] {
  const levelOf = (event: CheckedEvent): number => {
    const own = authEvents(event, known);
    const create = own.find(({ type }) => type === 'm.room.create') ?? createEventOf(known, version) ?? event;
    const powerLevels = own.find(({ type }) => type === 'm.room.power_levels')?.event;
    return powerLevelOf({ create: create.event, powerLevels }, version, event.sender);
  };
  const isBefore = (a: CheckedEvent, b: CheckedEvent): boolean => {
    if (levelOf(a) !== levelOf(b)) return levelOf(a) > levelOf(b);
    if (a.originServerTs !== b.originServerTs) return a.originServerTs < b.originServerTs;
    return a.eventId < b.eventId;
  };
  const left = new Set(events);
  const ordered: CheckedEvent[] = [];
  while (left.size > 0) {
    const ready = [...left].filter((event) => authEvents(event, known).every((auth) => !left.has(auth)));
    const next = ready.find((event) => ready.every((other) => other === event || isBefore(event, other)));
    if (next === undefined) throw new Error('events authorise each other');
    left.delete(next);
    ordered.push(next);
  }
  return ordered;
}

function conflictsOf(states: readonly State[]): { unconflicted: State; conflicted: Map<string, Set<CheckedEvent>> } {
  const unconflicted: State = new Map();
  const conflicted = new Map<string, Set<CheckedEvent>>();
  for (const name of new Set(states.flatMap((state) => [...state.keys()]))) {
    const events = states.map((state) => state.get(name));
    const [first] = events;
    if (first !== undefined && events.every((event) => event === first)) unconflicted.set(name, first);
    else conflicted.set(name, new Set(events.filter((event) => event !== undefined)));
  }
  return { unconflicted, conflicted };
}

/** The state resolution of room version 2, with the changes of room version 12. */
function byPower(states: readonly State[], known: Known, version: RoomVersion): State {
  const { unconflicted, conflicted } = conflictsOf(states);
  const events = new Set([...conflicted.values()].flatMap((different) => [...different]));
  const full = new Set(events);
  const chains = states.map((state) => new Set([...state.values()].flatMap((event) => [...authChain(event, known)])));
  for (const event of new Set(chains.flatMap((chain) => [...chain]))) {
    if (!chains.every((chain) => chain.has(event))) full.add(event);
  }
  if (version.stateResolution === '2.1') {
    for (const event of known.values()) {
      const isAbove = [...events].some((other) => authChain(other, known).has(event));
      const isBelow = [...authChain(event, known)].some((other) => events.has(other));
      if (isAbove && isBelow) full.add(event);
    }
  }
  const isPower = ({ type, stateKey, sender, content }: CheckedEvent): boolean =>
    (['m.room.power_levels', 'm.room.join_rules'].includes(type) && stateKey === '') ||
    (type === 'm.room.member' &&
      stateKey !== undefined &&
      stateKey !== sender &&
      ['leave', 'ban'].includes(String(content.membership)));
  const power = new Set([...full].filter(isPower));
  for (const event of new Set(power)) for (const auth of authChain(event, known)) if (full.has(auth)) power.add(auth);

  const state: State = new Map(version.stateResolution === '2' ? unconflicted : []);
  const create = createEventOf(known, version);
  const add = (event: CheckedEvent): void => {
    const own = [...authEvents(event, known), ...(create === undefined ? [] : [create])];
    const find = (name: string): CheckedEvent | undefined =>
      state.get(name) ?? own.find((auth) => auth.stateKey !== undefined && nameOf(auth) === name);
    if (event.stateKey !== undefined && allows(event, find, known, version)) state.set(nameOf(event), event);
  };
  for (const event of orderingByDefinition(power, known, version)) add(event);
  const rest = [...full].filter((event) => !power.has(event));
  for (const event of finished(mainlineOrdering(rest, state.get(stateName('m.room.power_levels', '')), known)))
    add(event);
  for (const [name, event] of unconflicted) state.set(name, event);
  return state;
}

/** The state resolution of room version 1. An entry is in conflict if the states have different events for it. */
function byDepth(states: readonly State[], known: Known, version: RoomVersion): State {
  const { unconflicted, conflicted } = conflictsOf(states);
  const state: State = new Map(unconflicted);
  for (const [name, [only, ...others]] of conflicted) if (only && others.length === 0) state.set(name, only);
  const hash = ({ eventId }: CheckedEvent): string => createHash('sha1').update(eventId).digest('hex');
  const ordered = (events: ReadonlySet<CheckedEvent>): CheckedEvent[] =>
    [...events].sort((a, b) => a.depth - b.depth || (hash(a) < hash(b) ? 1 : -1));
  const open = [...conflicted].filter(([, events]) => events.size > 1);
  const first = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];
  for (const type of first) {
    const before = new Map(state);
    for (const [name, events] of open.filter(([, [event]]) => event?.type === type)) {
      let [winner, ...others] = ordered(events);
      while (winner !== undefined && others[0] !== undefined) {
        const previous: CheckedEvent = winner;
        const next: CheckedEvent = others[0];
        if (!allows(next, (wanted) => (wanted === name ? previous : before.get(wanted)), known, version)) break;
        [winner, ...others] = others;
      }
      if (winner !== undefined) state.set(name, winner);
    }
  }
  const before = new Map(state);
  for (const [name, events] of open.filter(([, [event]]) => !first.includes(event?.type ?? ''))) {
    const winner = ordered(events)
      .reverse()
      .find((event) => allows(event, (wanted) => before.get(wanted), known, version));
    if (winner !== undefined) state.set(name, winner);
  }
  return state;
}

/** Resolves several states into one. */
export function resolutionByDefinition(states: readonly State[], known: Known, version: RoomVersion): State {
  return (version.stateResolution === '1' ? byDepth : byPower)(states, known, version);
}
