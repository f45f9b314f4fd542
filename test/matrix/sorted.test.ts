import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sorted } from '../../src/matrix/sorted.ts';
import { finished } from '../support/finished.ts';

interface Item {
  readonly key: number;
  readonly place: number;
}

const byKey = (a: Item, b: Item): number => a.key - b.key;
/** Makes items. Several of them have the same key. */
const itemsOf = (length: number, keys: number, factor: number): Item[] =>
  Array.from({ length }, (_, place) => ({ key: (place * factor) % keys, place }));

describe('sorted()', () => {
  it('gives the result of sort(), keeps the order of equal items, and does not change its input', () => {
    const lengths = fc.oneof(fc.constantFrom(0, 1, 999, 1_000, 1_001, 2_000, 2_001), fc.nat(7_000));
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 5_000 }), fc.nat(100_000), (length, keys, factor) => {
        const items = itemsOf(length, keys, factor);
        const before = [...items];
        expect(finished(sorted(items, byKey))).toEqual(items.toSorted(byKey));
        expect(items).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  it('pauses in between: no step sorts or merges more than a thousand items', () => {
    let compared = 0;
    const most: number[] = [];
    const work = sorted(itemsOf(16_000, 16_000, 7_919), (a, b) => {
      compared += 1;
      return byKey(a, b);
    });
    for (let step = work.next(); !step.done; step = work.next()) {
      most.push(compared);
      compared = 0;
    }
    expect(most.length).toBeGreaterThan(16 * 4);
    expect(Math.max(...most, compared)).toBeLessThan(12_000);
  });
});
