import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/matrix/canonical-json.ts';

const text = fc.string({ unit: 'binary' });
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json')),
    fc.dictionary(text, tie('json')),
  ),
}));

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, shuffled(item)]),
  );
}

describe('canonicalJson', () => {
  test('gives one text for equal values, whatever the order of keys', () => {
    fc.assert(
      fc.property(json, (value) => {
        const canonical = canonicalJson(value);
        expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(shuffled(value))).toBe(canonical);
        expect(canonicalJson(JSON.parse(canonical))).toBe(canonical);
      }),
    );
  });

  test('orders keys by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 2 }), (keys) => {
        const canonical = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])));
        const inOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(canonical).toBe(`{${inOrder.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`);
      }),
    );
    expect(canonicalJson({ '\u{10000}': 1, '\uffff': 2 })).toBe('{"\uffff":2,"\u{10000}":1}');
  });

  test('encodes the examples of the specification', () => {
    expect(canonicalJson({ b: '2', a: '1' })).toBe('{"a":"1","b":"2"}');
    expect(canonicalJson({ 本: 2, 日: 1 })).toBe('{"日":1,"本":2}');
    expect(canonicalJson({ a: '日\u2028<\u0001\n' })).toBe('{"a":"日\u2028<\\u0001\\n"}');
    expect(canonicalJson({ a: -0, b: 2 ** 53 - 1, c: null })).toBe('{"a":0,"b":9007199254740991,"c":null}');
  });

  const INTEGERS = 'numbers must be integers between -(2^53-1) and 2^53-1';
  test.each([
    ['a fraction', 1.5, INTEGERS],
    ['an integer beyond 2^53-1', 2 ** 53, INTEGERS],
    ['an integer below -(2^53-1)', -(2 ** 53), INTEGERS],
    ['infinity', Number.POSITIVE_INFINITY, INTEGERS],
    ['NaN', Number.NaN, INTEGERS],
    ['half a surrogate pair', '\ud800', 'strings must be well-formed Unicode'],
    ['undefined', undefined, 'undefined is not JSON'],
    ['a bigint', 1n, 'bigint is not JSON'],
    ['a function', () => 1, 'function is not JSON'],
  ])('refuses %s', (_name, value, message) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON', message }));
    expect(() => canonicalJson({ deep: [value] })).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON', message }));
  });

  test('refuses an ill-formed key', () => {
    expect(() => canonicalJson({ '\udc00': 1 })).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }));
  });

  test('refuses nesting that would overflow the stack', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(canonicalJson(nested(512))).toHaveLength(1_024);
    for (const levels of [513, 100_000]) {
      expect(() => canonicalJson(nested(levels))).toThrow(
        expect.objectContaining({ errcode: 'M_BAD_JSON', message: 'nested deeper than 512 levels' }),
      );
    }
  });
});
