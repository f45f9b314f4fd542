import { z } from 'zod';
import { MatrixError, ParameterError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { numberProblem } from '../number-problem.ts';

/**
 * Tells whether PostgreSQL can store every string in the value. PostgreSQL can store neither NUL characters nor lone
 * surrogates.
 */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

/**
 * The codes with which zod reports a missing value. zod also uses these codes for other mistakes, so the value itself must be
 * `undefined`, too.
 */
const MAY_BE_MISSING: ReadonlySet<string | undefined> = new Set(['invalid_type', 'invalid_value', 'custom']);

/**
 * Checks the input of an operation and fills in the defaults.
 * @throws ParameterError that names the first wrong or unknown parameter; MatrixError if the input is not an object
 */
export function validateInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  if (!isRecord(input)) throw new MatrixError('M_MISSING_PARAM', 'The input must be an object with the parameters');
  refuseUnknownKeys(schema, input);
  const parsed = schema.safeParse(input, { reportInput: true, error: numberProblem });
  if (parsed.success) {
    const [unstorable] =
      Object.entries(isRecord(parsed.data) ? parsed.data : {}).find(([, value]) => !isStorable(value)) ?? [];
    if (unstorable === undefined) return parsed.data;
    throw new ParameterError([unstorable], 'contains a NUL character or half of a surrogate pair');
  }
  const [issue] = parsed.error.issues;
  const path = issue?.path.map(String) ?? [];
  const missing = issue !== undefined && MAY_BE_MISSING.has(issue.code) && issue.input === undefined;
  throw new ParameterError(path, missing ? undefined : (issue?.message ?? 'invalid'));
}

/**
 * Refuses unknown parameters. Without this check, the pipeline would ignore a misspelt `dryRun` and run a destructive
 * operation.
 */
function refuseUnknownKeys(schema: z.ZodType, input: Readonly<Record<string, unknown>>): void {
  if (!(schema instanceof z.ZodObject)) return;
  const unknown = Object.keys(input).find((key) => !Object.hasOwn(schema.shape, key));
  if (unknown === undefined) return;
  throw new ParameterError(
    [unknown],
    `there is no such parameter; the parameters are: ${Object.keys(schema.shape).join(', ')}`,
  );
}
