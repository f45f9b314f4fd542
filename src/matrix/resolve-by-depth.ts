import { createHash } from 'node:crypto';
import type { EventIndex } from './auth-chain.ts';
import { stateName } from './auth-events.ts';
import { authorise } from './authorise.ts';
import { type CheckedEvent, judgedAs } from './check-event.ts';
import type { RoomVersion } from './room-version.ts';
import type { SeparatedStates, StateMap } from './separate-states.ts';

/** Entries that others depend on, in the order in which they are resolved. */
const TYPES = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];

const sha1 = ({ eventId }: CheckedEvent): string => createHash('sha1').update(eventId).digest('hex');

/** By ascending depth, then descending SHA-1 of the event id. */
function byDepth(a: CheckedEvent, b: CheckedEvent): number {
  if (a.depth !== b.depth) return a.depth - b.depth;
  return sha1(a) < sha1(b) ? 1 : -1;
}

/** State resolution of room version 1, in which deeper events win. */
export function resolveByDepth(
  { unconflicted, conflicted }: SeparatedStates,
  known: EventIndex,
  version: RoomVersion,
): StateMap {
  // Here an entry is in conflict only where there are different events for it.
  const entries = [...conflicted].map(([name, events]) => ({ name, events: [...events].sort(byDepth) }));
  const resolved = new Map(unconflicted);
  const inConflict = entries.filter(({ name, events: [only, ...others] }) => {
    if (only !== undefined && others.length === 0) resolved.set(name, only);
    return others.length > 0;
  });
  const typeOf = ({ events: [event] }: (typeof entries)[number]): string => event?.type ?? '';
  const isAllowed = (event: CheckedEvent, find: (name: string) => CheckedEvent | undefined): boolean => {
    const judged = judgedAs(event, (id) => known.get(id));
    return authorise(judged, (type, stateKey) => find(stateName(type, stateKey))?.event, version) === undefined;
  };

  for (const type of TYPES) {
    const before = new Map(resolved);
    for (const { name, events } of inConflict.filter((entry) => typeOf(entry) === type)) {
      const winner = lastOfAllowed(events, (event, previous) =>
        isAllowed(event, (wanted) => (wanted === name ? previous : before.get(wanted))),
      );
      if (winner !== undefined) resolved.set(name, winner);
    }
  }
  const before = new Map(resolved);
  for (const { name, events } of inConflict.filter((entry) => !TYPES.includes(typeOf(entry)))) {
    const winner = events.findLast((event) => isAllowed(event, (wanted) => before.get(wanted)));
    if (winner !== undefined) resolved.set(name, winner);
  }
  return resolved;
}

/** The last event that its predecessor allows, with all before it. */
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
