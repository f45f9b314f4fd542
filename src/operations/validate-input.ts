import type { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { isRecord } from '../json.ts';

/** Whether PostgreSQL takes every text in it: no NUL, no half surrogate pair. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

/** Codes of issues that a missing value has. */
const MAY_BE_MISSING: ReadonlySet<string | undefined> = new Set(['invalid_type', 'invalid_value', 'custom']);

/**
 * The input of an operation with defaults filled in.
 * @throws MatrixError `M_MISSING_PARAM` or `M_INVALID_PARAM`, which name the first parameter that is wrong
 */
export function validateInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) {
    const [unstorable] =
      Object.entries(isRecord(parsed.data) ? parsed.data : {}).find(([, value]) => !isStorable(value)) ?? [];
    if (unstorable === undefined) return parsed.data;
    throw new MatrixError('M_INVALID_PARAM', `bad parameter "${unstorable}": has a NUL or half a surrogate pair`);
  }
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  const missing = issue !== undefined && MAY_BE_MISSING.has(issue.code) && issue.input === undefined;
  if (missing) throw new MatrixError('M_MISSING_PARAM', `missing parameter "${field}"`);
  throw new MatrixError('M_INVALID_PARAM', `bad parameter "${field}": ${issue?.message ?? 'invalid'}`);
}
