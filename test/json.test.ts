import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toJson } from '../src/json.ts';

describe('deeply nested JSON', () => {
  it('is written like the output of JSON.stringify()', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('array', 'object'), (value, kind) => {
        const levels = 10_000;
        const [open, close] = kind === 'array' ? ['[', ']'] : ['{"a\\u0000":', '}'];
        const text = open.repeat(levels) + JSON.stringify({ value, list: [value, 1, 'x'] }) + close.repeat(levels);
        expect(toJson(JSON.parse(text)) === text).toBe(true);
        expect(toJson(value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 20 },
    );
  });

  it('omits what JSON.stringify() omits', () => {
    const deep: unknown = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000));
    expect(toJson({ a: undefined, deep, b: 1 })).toMatch(/^\{"deep":\[+\]+,"b":1\}$/);
  });

  it('can be next to long lists', () => {
    const deep: unknown = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000));
    const list = Array.from({ length: 200_000 }, (_, n) => n);
    const text = toJson({ list, deep });
    expect(text.startsWith(`{"list":${JSON.stringify(list)},"deep":[[`)).toBe(true);
  });
});
