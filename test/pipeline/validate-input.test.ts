import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MatrixError } from '../../src/errors.ts';
import { validateInput } from '../../src/pipeline/validate-input.ts';

const INPUT = z.object({
  roomId: z.string(),
  limit: z.int().min(1).max(10).default(5),
  order: z.enum(['recent', 'rank']).optional(),
  keep: z.array(z.object({ name: z.string().min(2) })).default([]),
  content: z.unknown().optional(),
});
const DEFAULTS = { roomId: '!r:x', limit: 5, keep: [] };

/** Returns the error with which an input is refused. */
function refusalOf(input: unknown, schema: z.ZodType = INPUT): unknown {
  try {
    return validateInput(schema, input);
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return [error.errcode, error.message];
  }
}

describe('the input of an operation', () => {
  it('is accepted unchanged, with its defaults filled in', () => {
    expect(validateInput(INPUT, { roomId: '!r:x' })).toEqual(DEFAULTS);
    const whole = { roomId: '', limit: 10, order: 'rank', keep: [{ name: 'tags' }], content: { n: [null, 1, true] } };
    expect(validateInput(INPUT, whole)).toEqual(whole);
  });

  it.each<[unknown, string, string]>([
    [{}, 'M_MISSING_PARAM', 'missing parameter "roomId"'],
    [{ roomId: undefined }, 'M_MISSING_PARAM', 'missing parameter "roomId"'],
    [{ roomId: '!r:x', keep: [{}] }, 'M_MISSING_PARAM', 'missing parameter "keep.0.name"'],
    [{ roomId: '!r:x', limit: 0 }, 'M_INVALID_PARAM', 'bad parameter "limit": must be at least 1, not 0'],
    [{ roomId: '!r:x', limit: 'ten' }, 'M_INVALID_PARAM', 'bad parameter "limit": must be a whole number, not "ten"'],
    [{ roomId: '!r:x', keep: [{ name: 'x' }] }, 'M_INVALID_PARAM', 'bad parameter "keep.0.name": Too small'],
    [{ roomId: '!r:x', order: 'old' }, 'M_INVALID_PARAM', 'bad parameter "order": Invalid option'],
    [undefined, 'M_MISSING_PARAM', 'The input must be an object with the parameters'],
    ['text', 'M_MISSING_PARAM', 'The input must be an object with the parameters'],
  ])('%j is refused by %s, and the caller is told: %s', (input, errcode, message) => {
    expect(refusalOf(input)).toEqual([errcode, expect.stringContaining(message)]);
  });

  it('without a value of an enumeration or of a custom type misses the parameter', () => {
    const serverName = z.custom((value) => typeof value === 'string', 'not a server name');
    for (const schema of [z.object({ order: z.enum(['recent']) }), z.object({ order: serverName })]) {
      expect(refusalOf({}, schema)).toEqual(['M_MISSING_PARAM', 'missing parameter "order"']);
    }
    expect(refusalOf({ order: 1 }, z.object({ order: serverName }))).toEqual([
      'M_INVALID_PARAM',
      'bad parameter "order": not a server name',
    ]);
  });

  it('that matches no branch of a union is wrong, not missing', () => {
    const schema = z.object({ at: z.union([z.string(), z.int()]) });
    expect(refusalOf({ at: true }, schema)).toEqual(['M_INVALID_PARAM', 'bad parameter "at": Invalid input']);
  });

  it('with an unknown parameter is refused with a list of the known ones', () => {
    expect(refusalOf({ roomId: '!r:x', dryrun: true }, INPUT)).toEqual([
      'M_INVALID_PARAM',
      'bad parameter "dryrun": there is no such parameter; the parameters are: roomId, limit, order, keep, content',
    ]);
    expect(refusalOf({ toString: 1 }, INPUT)).toEqual(['M_INVALID_PARAM', expect.stringContaining('"toString"')]);
  });
});

/** Generates texts that PostgreSQL cannot store. */
const unstorable = fc
  .tuple(fc.string(), fc.constantFrom('\0', '\ud83d', '\udc4d', '\udc4d\ud83d'), fc.string())
  .map((parts) => parts.join(''));
/** Generates a value that contains `inner` somewhere, and values beside it that PostgreSQL can store. */
const around = (inner: fc.Arbitrary<string>): fc.Arbitrary<unknown> =>
  fc
    .tuple(inner, fc.array(fc.tuple(fc.boolean(), fc.jsonValue({ stringUnit: 'grapheme' })), { maxLength: 3 }))
    .map(([value, layers]) =>
      layers.reduce<unknown>((at, [isList, beside]) => (isList ? [beside, at] : { beside, at, n: null }), value),
    );

describe('a text that PostgreSQL cannot store', () => {
  it('is refused at any depth, and the error names the parameter', () => {
    fc.assert(
      fc.property(around(unstorable), (content) => {
        expect(refusalOf({ roomId: '!r:x', content })).toEqual([
          'M_INVALID_PARAM',
          'bad parameter "content": contains a NUL character or half of a surrogate pair',
        ]);
      }),
    );
  });

  it('is the only one that is refused', () => {
    fc.assert(
      fc.property(around(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))), (content) => {
        const isStorable = !JSON.stringify(content).includes('\\u0000');
        fc.pre(isStorable);
        expect(validateInput(INPUT, { roomId: '!r:x', content })).toEqual({ ...DEFAULTS, content });
      }),
    );
  });
});
