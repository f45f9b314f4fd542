import type { z } from 'zod';

/** Longest text that an error repeats. A longer text may be a secret in the wrong place. */
const MAX_REPEATED = 20;

/** The end of a sentence that says what was given instead. Empty if the value must not be repeated. */
export function insteadOf(value: unknown): string {
  if (typeof value === 'number') return `, not ${value}`;
  return typeof value === 'string' && value.length <= MAX_REPEATED ? `, not ${JSON.stringify(value)}` : '';
}

/** Says in plain words what is wrong with a number. `undefined`: the issue is not about a number. All numbers here are whole. */
export function numberProblem(issue: z.core.$ZodRawIssue): string | undefined {
  const requirement = numberRequirement(issue);
  return requirement && `must be ${requirement}${insteadOf(issue.input)}`;
}

/** What the number must be. */
export function numberRequirement(issue: z.core.$ZodRawIssue): string | undefined {
  const isNumber = (type: unknown): boolean => type === 'number' || type === 'int';
  if (issue.code === 'invalid_type' && isNumber(issue.expected)) return 'a whole number';
  if (issue.code === 'too_small' && isNumber(issue.origin))
    return `at least ${Number(issue.minimum) + (issue.inclusive === false ? 1 : 0)}`;
  if (issue.code === 'too_big' && isNumber(issue.origin)) return `at most ${issue.maximum}`;
  return undefined;
}
