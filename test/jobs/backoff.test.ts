import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/jobs/backoff.ts';

const LONGEST_MS = 300_000;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffMs()', () => {
  it('is 0.8 to 1 times a second that doubles with each failure, up to five minutes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, (failures, chance) => {
        const full = Math.min(1_000 * 2 ** (failures - 1), LONGEST_MS);
        const delay = backoffMs(failures, () => chance);
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(full * 0.8 - 1);
        expect(delay).toBeLessThanOrEqual(full);
      }),
    );
  });

  it('grows with the failures up to its maximum', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), random, random, (failures, chance, other) => {
        const [delay, next] = [backoffMs(failures, () => chance), backoffMs(failures + 1, () => other)];
        expect(next).toBeGreaterThan(Math.min(delay, LONGEST_MS * 0.8 - 1));
      }),
    );
  });
});
