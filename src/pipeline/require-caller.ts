import { isUserId } from '../ids.ts';
import { isRecord } from '../json.ts';

const EXPECTED = "{ kind: 'user', userId: '@name:example.org' } or { kind: 'system', name: 'what acts' }";

/**
 * Checks the caller of an operation at run time, because hosts in plain JavaScript have no type checker.
 * @throws TypeError that says what is wrong with the caller, and what an actor must be
 */
export function requireCaller(operation: string, caller: unknown): void {
  const actor = isRecord(caller) ? caller.actor : undefined;
  if (isRecord(actor) && isActor(actor)) return;
  const problem = isRecord(caller) ? problemOf(actor) : 'there is no caller';
  throw new TypeError(`operations.${operation}(input, { actor }): ${problem}; actor must be ${EXPECTED}`);
}

function isActor({ kind, userId, name }: Readonly<Record<string, unknown>>): boolean {
  if (kind === 'user') return typeof userId === 'string' && isUserId(userId);
  return kind === 'system' && typeof name === 'string' && name !== '';
}

function problemOf(actor: unknown): string {
  if (actor === undefined || actor === null) return 'the caller has no actor';
  if (!isRecord(actor)) return 'actor is not an object';
  if (actor.kind === 'user') return 'actor.userId is not a user id';
  return actor.kind === 'system' ? 'actor.name is not a text' : 'actor.kind is neither "user" nor "system"';
}
