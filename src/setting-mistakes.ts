import { z } from 'zod';
import { nearestName } from './near-name.ts';
import { numberRequirement } from './number-problem.ts';

/** Settings whose value an error message never repeats. */
const SECRET = new Set(['sharedSecret', 'asToken']);

/**
 * Names the kind of a value, for an error text. Repeats numbers, `true`, `false` and `null` themselves, but no string, because
 * a string may be a secret that was put in the wrong place.
 */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Makes a schema with one check. @param problemOf returns what is wrong with a value, or `undefined` if it is valid */
export const checked = <T>(problemOf: (value: unknown) => string | undefined): z.ZodType<T> =>
  z.custom<T>((value) => problemOf(value) === undefined, { error: ({ input }) => problemOf(input) });

/** Makes the schema of an object that may have no unknown members. */
export const closedObject = <Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((name) => unknownName(name, Object.keys(shape))).join('\n')
        : undefined,
  });

/**
 * Makes a sentence that says that a name is unknown, and which known name was probably meant. If none is similar, the sentence
 * lists all known names.
 */
export function unknownName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const remedy = nearest === undefined ? `; known names: ${known.join(', ')}` : `: did you mean "${nearest}"?`;
  return `${name} is unknown${remedy}`;
}

/**
 * Reads a setting.
 * @returns the value of the setting, or one sentence for each mistake in it. Each sentence starts with the path of the mistake.
 */
export function readSetting<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  given: unknown,
): { readonly value?: z.output<Schema>; readonly mistakes: readonly string[] } {
  const parsed = schema.safeParse(given, { reportInput: true, error: requirement });
  if (parsed.success) return { value: parsed.data, mistakes: [] };
  return { mistakes: parsed.error.issues.flatMap((issue) => sentencesOf(issue, [name])) };
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
};

function requirement(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'too_small' && issue.origin === 'string') return `must be ${issue.minimum} character or more`;
  const expected = issue.code === 'invalid_type' ? EXPECTED[issue.expected] : undefined;
  const required = numberRequirement(issue) ?? expected;
  return required && `must be ${required}`;
}

function sentencesOf(issue: z.core.$ZodIssue, above: readonly string[]): string[] {
  const path = [...above, ...issue.path.map(String)];
  if (issue.code === 'unrecognized_keys') return issue.message.split('\n').map((line) => [...path, line].join('.'));
  const meant = issue.code === 'invalid_union' ? issue.errors.find((branch) => !branch.some(isOfWhole)) : undefined;
  if (meant !== undefined) return meant.flatMap((nested) => sentencesOf(nested, path));
  const where = path.join('.');
  if (issue.input === undefined) return [`${where} is missing: it ${issue.message}`];
  return [`${where} ${issue.message}${issue.code === 'custom' ? '' : insteadOf(issue, path)}`];
}

/**
 * Tells whether an issue says that the whole value does not fit a branch of a union. The author of the setting then did not
 * mean this branch.
 */
const isOfWhole = ({ code, path }: z.core.$ZodIssue): boolean =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');

/**
 * Returns the end of an error text, such as `, not an array`, with the kind of the value that was given. Repeats a string
 * itself only if the setting must have a certain format, such as that of a localpart, because such a string is a name and no
 * secret. Never repeats the value of a setting in `SECRET`.
 */
function insteadOf({ code, input }: z.core.$ZodIssue, path: readonly string[]): string {
  if (SECRET.has(path.at(-1) ?? '')) return code === 'too_small' ? '' : `, not a ${typeof input}`;
  return code === 'invalid_format' ? `, not ${JSON.stringify(input)}` : `, not ${kindOf(input)}`;
}
