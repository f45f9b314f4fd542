import { z } from 'zod';
import { MatrixError, ParameterError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { numberProblem } from '../number-problem.ts';

/** Whether PostgreSQL can store every text in the value: no NUL, no half of a surrogate pair. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

/** Codes of zod issues for a missing value. */
const MAY_BE_MISSING: ReadonlySet<string | undefined> = new Set(['invalid_type', 'invalid_value', 'custom']);

/**
 * The input of an operation with defaults filled in.
 * @throws ParameterError that names the first parameter that is wrong or unknown; MatrixError if the input is no object
 */
export function validateInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  if (!isRecord(input)) throw new MatrixError('M_MISSING_PARAM', 'The input must be an object with the parameters');
  refuseUnknownKeys(schema, input);
  const parsed = schema.safeParse(input, { reportInput: true, error: numberProblem });
  if (parsed.success) {
    const [unstorable] =
      Object.entries(isRecord(parsed.data) ? parsed.data : {}).find(([, value]) => !isStorable(value)) ?? [];
    if (unstorable === undefined) return parsed.data;
    throw new ParameterError([unstorable], 'has a NUL or half a surrogate pair');
  }
  const [issue] = parsed.error.issues;
  const path = issue?.path.map(String) ?? [];
  const missing = issue !== undefined && MAY_BE_MISSING.has(issue.code) && issue.input === undefined;
  throw new ParameterError(path, missing ? undefined : (issue?.message ?? 'invalid'));
}

/** A misspelt `dryRun` must not be dropped on the way to something destructive. */
function refuseUnknownKeys(schema: z.ZodType, input: Readonly<Record<string, unknown>>): void {
  if (!(schema instanceof z.ZodObject)) return;
  const unknown = Object.keys(input).find((key) => !Object.hasOwn(schema.shape, key));
  if (unknown === undefined) return;
  throw new ParameterError(
    [unknown],
    `there is no such parameter; the parameters are: ${Object.keys(schema.shape).join(', ')}`,
  );
}
