import type { z } from 'zod';

/** Maximum length of a text that an error repeats. A longer text may be a secret that was put in the wrong place. */
const MAX_REPEATED = 20;

/**
 * Returns the end of an error text, such as `, not 7`, with the value that was given. Returns an empty text if the value is a
 * text of more than `MAX_REPEATED` characters, or neither a number nor a text.
 */
export function insteadOf(value: unknown): string {
  if (typeof value === 'number') return `, not ${value}`;
  return typeof value === 'string' && value.length <= MAX_REPEATED ? `, not ${JSON.stringify(value)}` : '';
}

/**
 * Explains what is wrong with a number, from an issue that zod has found. Returns `undefined` if the issue is not about a
 * number. All numbers in this package's inputs are integers.
 */
export function numberProblem(issue: z.core.$ZodRawIssue): string | undefined {
  const requirement = numberRequirement(issue);
  return requirement && `must be ${requirement}${insteadOf(issue.input)}`;
}

/** Returns the requirement that the number does not meet. Returns `undefined` if the issue is not about a number. */
export function numberRequirement(issue: z.core.$ZodRawIssue): string | undefined {
  const isNumber = (type: unknown): boolean => type === 'number' || type === 'int';
  if (issue.code === 'invalid_type' && isNumber(issue.expected)) return 'a whole number';
  if (issue.code === 'too_small' && isNumber(issue.origin))
    return `at least ${Number(issue.minimum) + (issue.inclusive === false ? 1 : 0)}`;
  if (issue.code === 'too_big' && isNumber(issue.origin)) return `at most ${issue.maximum}`;
  return undefined;
}
