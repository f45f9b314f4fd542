import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventId, UserId } from '../../src/ids.ts';
import type { CheckedEvent } from '../../src/matrix/check-event.ts';
import { mainlineOrdering } from '../../src/matrix/mainline-ordering.ts';
import { finished } from '../support/finished.ts';

const eventOf = (eventId: string, type: string, authEventIds: readonly string[], originServerTs = 0): CheckedEvent => ({
  eventId: eventId as EventId,
  event: {},
  type,
  sender: '@alice:x' as UserId,
  stateKey: '',
  content: {},
  depth: 1,
  originServerTs,
  authEventIds: authEventIds as readonly EventId[],
  prevEventIds: [],
});

/** Power levels events, oldest first. Each one is an auth event of the next one. */
const POWER = [0, 1, 2, 3].map((n) => eventOf(`$power${n}`, 'm.room.power_levels', n === 0 ? [] : [`$power${n - 1}`]));
const NEWEST = POWER.at(-1);
const indexOf = (events: readonly CheckedEvent[]): Map<EventId, CheckedEvent> =>
  new Map([...POWER, ...events].map((event) => [event.eventId, event]));
const order = (events: readonly CheckedEvent[], newest = NEWEST): string[] =>
  finished(mainlineOrdering(events, newest, indexOf(events))).map(({ eventId }) => eventId);

describe('the mainline ordering', () => {
  it('puts events under the oldest power levels first, so that events under the newest win', () => {
    const topics = [3, 0, 2, 1].map((n) => eventOf(`$topic${n}`, 'm.room.topic', [`$power${n}`]));
    expect(order(topics)).toEqual(['$topic0', '$topic1', '$topic2', '$topic3']);
  });

  it('puts events without power levels of the mainline before all others', () => {
    const stray = eventOf('$stray', 'm.room.topic', []);
    const old = eventOf('$old', 'm.room.topic', ['$power0']);
    expect(order([old, stray])).toEqual(['$stray', '$old']);
  });

  it('orders events under the same power levels by time, then by event id', () => {
    const events = [
      eventOf('$b', 'm.room.topic', ['$power1'], 5),
      eventOf('$a', 'm.room.topic', ['$power1'], 5),
      eventOf('$c', 'm.room.topic', ['$power1'], 4),
    ];
    expect(order(events)).toEqual(['$c', '$a', '$b']);
  });

  it('matches the specification for any events in any order', () => {
    const topic = fc.record({ under: fc.integer({ min: -1, max: 3 }), ts: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(topic, { maxLength: 12 }), (topics) => {
        const events = topics.map(({ under, ts }, n) =>
          eventOf(`$t${n}`, 'm.room.topic', under < 0 ? [] : [`$power${under}`], ts),
        );
        const sorted = topics
          .map(({ under, ts }, n) => ({ under, ts, id: `$t${n}` }))
          .sort((a, b) => a.under - b.under || a.ts - b.ts || (a.id < b.id ? -1 : 1));
        expect(order(events)).toEqual(sorted.map(({ id }) => id));
        expect(order(events.toReversed())).toEqual(sorted.map(({ id }) => id));
      }),
    );
  });
});
