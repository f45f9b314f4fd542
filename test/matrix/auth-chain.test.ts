import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEventId, isRoomId, isUserId } from '../../src/ids.ts';
import { allowedEvents } from '../../src/matrix/allowed-events.ts';
import { authChainOf, authDifference, conflictedSubgraph, type EventIndex } from '../../src/matrix/auth-chain.ts';
import { authoriseByAuthEvents, type CheckedEvent, checkEvent } from '../../src/matrix/check-event.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { finished } from '../support/finished.ts';
import { fixtureEvents } from './fixture-events.ts';

function checked<Id extends string>(isId: (value: string) => value is Id, value: string): Id {
  if (!isId(value)) throw new Error(`${value} is not an id`);
  return value;
}
const sender = checked(isUserId, '@a:x');
const idOf = (n: number): CheckedEvent['eventId'] => checked(isEventId, `$${n}`);

/** Generates events that refer to earlier ones as auth events. Some of the events are unknown. */
const graphs = fc.array(fc.tuple(fc.uniqueArray(fc.nat(11), { maxLength: 4 }), fc.boolean()), { maxLength: 12 }).map(
  (nodes): EventIndex =>
    new Map(
      nodes.flatMap(([auth, isKnown], n) => {
        const authEventIds = auth.filter((other) => other < n).map(idOf);
        const fields = { eventId: idOf(n), event: {}, type: 'm.x', sender, stateKey: `${n}`, content: {}, depth: n };
        return isKnown || n % 3 > 0
          ? [[idOf(n), { ...fields, originServerTs: n, authEventIds, prevEventIds: [] }] as const]
          : [];
      }),
    ),
);
const someOf = (graph: EventIndex, picks: readonly boolean[]): CheckedEvent[] =>
  [...graph.values()].filter(({ depth }) => picks[depth] === true);
const picks = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });

/** Computes the auth chain exactly as the specification defines it. */
function chainOf(events: readonly CheckedEvent[], graph: EventIndex): Set<CheckedEvent> {
  const direct = events.flatMap(({ authEventIds }) => authEventIds.flatMap((id) => graph.get(id) ?? []));
  return new Set(direct.flatMap((event) => [event, ...chainOf([event], graph)]));
}
const namesOf = (events: Iterable<CheckedEvent>): string[] => [...events].map(({ eventId }) => eventId).sort();

describe('for any graph of events', () => {
  it('the auth chain contains all direct and indirect auth events', () => {
    fc.assert(
      fc.property(graphs, picks, (graph, picked) => {
        const events = someOf(graph, picked);
        expect(namesOf(finished(authChainOf(events, graph)))).toEqual(namesOf(chainOf(events, graph)));
      }),
      { numRuns: 300 },
    );
  });

  it('the auth difference contains the events in the chains of some states, but not of all', () => {
    fc.assert(
      fc.property(graphs, picks, fc.array(picks, { minLength: 2, maxLength: 3 }), (graph, shared, picked) => {
        const common = someOf(graph, shared);
        const others = picked.map((one) => someOf(graph, one));
        const chains = others.map((events) => chainOf([...common, ...events], graph));
        const all = new Set(chains.flatMap((chain) => [...chain]));
        const different = [...all].filter((event) => !chains.every((chain) => chain.has(event)));
        expect(namesOf(finished(authDifference(common, others, graph)))).toEqual(namesOf(different));
      }),
      { numRuns: 300 },
    );
  });

  it('the conflicted subgraph contains the conflicted events and all events between them', () => {
    fc.assert(
      fc.property(graphs, picks, (graph, picked) => {
        const conflicted = someOf(graph, picked);
        const between = [...chainOf(conflicted, graph)].filter((event) =>
          [...chainOf([event], graph)].some((below) => conflicted.includes(below)),
        );
        const found = finished(conflictedSubgraph(new Set(conflicted), graph));
        expect(namesOf(found)).toEqual(namesOf(new Set([...conflicted, ...between])));
      }),
      { numRuns: 300 },
    );
  });
});

describe('for recorded rooms', () => {
  const events = fixtureEvents().flatMap(({ event, eventId, roomVersion }) => {
    const version = roomVersionOf(roomVersion);
    const roomId = checked(isRoomId, typeof event.room_id === 'string' ? event.room_id : `!${eventId.slice(1)}`);
    const one = checkEvent(event, roomId, version);
    return one === undefined ? [] : [{ one, roomId, version }];
  });
  const rooms = new Map<string, typeof events>();
  for (const entry of events) rooms.set(entry.roomId, [...(rooms.get(entry.roomId) ?? []), entry]);

  /** Judges the events one after the other, each after its auth events. */
  function allowedIn(index: EventIndex, version: (typeof events)[number]['version']): string[] {
    const create = [...index.values()].find(({ type }) => type === 'm.room.create');
    const isAllowed = (event: CheckedEvent): boolean =>
      event.authEventIds.every((id) => {
        const auth = index.get(id);
        return auth !== undefined && isAllowed(auth);
      }) && authoriseByAuthEvents(event, (id) => index.get(id), create, version) === undefined;
    return namesOf([...index.values()].filter(isAllowed));
  }

  it('an event is allowed only if allowed events authorise it, even if others are missing or forged', () => {
    for (const room of rooms.values()) {
      const [first] = room;
      if (first === undefined) continue;
      const whole = new Map(room.map(({ one }) => [one.eventId, one]));
      const members = room.filter(({ one }) => one.type !== 'm.room.message').map(({ one }) => one);
      const without = members.map((gone) => new Map([...whole].filter(([id]) => id !== gone.eventId)));
      const forged = members.map((one) => new Map([...whole, [one.eventId, { ...one, sender }] as const]));
      for (const index of [whole, new Map([...whole].toReversed()), ...without, ...forged]) {
        expect(namesOf(finished(allowedEvents(index, first.version)).values())).toEqual(
          allowedIn(index, first.version),
        );
      }
    }
    expect(rooms.size).toBeGreaterThan(15);
  });

  it('events that authorise each other are not allowed', () => {
    const [create, join] = events.map(({ one }) => one);
    if (create === undefined || join === undefined) throw new Error('no events');
    const circle: EventIndex = new Map([
      [idOf(1), { ...join, eventId: idOf(1), authEventIds: [idOf(2)] }],
      [idOf(2), { ...join, eventId: idOf(2), authEventIds: [idOf(1)] }],
    ]);
    expect([...finished(allowedEvents(circle, roomVersionOf('10'))).keys()]).toEqual([]);
  });
});
