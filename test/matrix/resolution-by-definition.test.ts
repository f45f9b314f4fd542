import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reverseTopologicalPowerOrdering } from '../../src/matrix/power-ordering.ts';
import { resolveState } from '../../src/matrix/resolve-state.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { finished } from '../support/finished.ts';
import { countFromEnvironment } from '../support/long-version.ts';
import { idsOf, playRoom, roomPlan } from './arbitrary-room.ts';
import { orderingByDefinition, resolutionByDefinition } from './resolution-by-definition.ts';

/** Number of runs. `RUNS=1000` runs the long version. */
const RUNS = { numRuns: countFromEnvironment('RUNS', 60) };

describe('state resolution', () => {
  it('results in the state that the specification defines', () => {
    fc.assert(
      fc.property(roomPlan, (plan) => {
        const { version: id, known, branches } = playRoom(...plan);
        const version = roomVersionOf(id);
        // Two branches may contain the same event. The states must then contain the same object.
        const states = branches.map(
          ({ state }) => new Map([...state].map(([name, event]) => [name, known.get(event.eventId) ?? event])),
        );
        const resolved = finished(resolveState(states.map(idsOf), known, version));
        const expected = resolutionByDefinition(states, known, version);
        expect(resolved.map(({ eventId }) => eventId).sort()).toEqual(idsOf(expected).sort());
      }),
      RUNS,
    );
  });

  it('orders any events of a room as specified', () => {
    fc.assert(
      fc.property(roomPlan, fc.integer({ min: 1, max: 3 }), (plan, part) => {
        const { version: id, known } = playRoom(...plan);
        const version = roomVersionOf(id);
        const events = new Set([...known.values()].filter((_, i) => i % part === 0));
        const create = version.privilegedCreators
          ? [...known.values()].find(({ type }) => type === 'm.room.create')
          : undefined;
        const ordered = finished(reverseTopologicalPowerOrdering(events, known, create, version));
        expect(ordered).toEqual(orderingByDefinition(events, known, version));
      }),
      RUNS,
    );
  });
});
