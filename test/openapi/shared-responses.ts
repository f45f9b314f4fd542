import { groupBy } from './group-by.ts';
import type { OperationObject } from './operation-object.ts';

/**
 * Moves responses that several operations have to the components of the document. Their names consist of the status and the
 * error codes.
 */
export function shareResponses(operations: readonly OperationObject[]): Record<string, unknown> {
  const uses = groupBy(
    operations.flatMap(({ responses }) => Object.values(responses).map((response) => JSON.stringify(response))),
    (text) => text,
  );
  const shared: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const { responses } of operations) {
    for (const [status, response] of Object.entries(responses)) {
      const text = JSON.stringify(response);
      if ((uses.get(text) ?? []).length === 1 || Number(status) < 400) continue;
      const codes = [...new Set(text.match(/M_[A-Z_]+/g))].map((code) => code.slice(2)).join('-');
      const name = names.get(text) ?? nameFor(`${status}-${codes}`, shared);
      names.set(text, name);
      shared[name] = response;
      responses[status] = { $ref: `#/components/responses/${name}` };
    }
  }
  return shared;
}

/** Returns the name. If another response has it, adds a number. */
function nameFor(name: string, taken: Readonly<Record<string, unknown>>): string {
  const others = Object.keys(taken).filter((other) => other === name || other.startsWith(`${name}-and-`)).length;
  return others === 0 ? name : `${name}-and-${others}`;
}
