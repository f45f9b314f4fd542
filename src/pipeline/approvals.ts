import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { nameOf } from '../operations/actor.ts';
import { APPROVABLE_OPERATIONS, type ApprovableOperation, isApprovable } from '../operations/approvable-operations.ts';
import { operationNamed } from '../operations/operations.ts';
import { type Approval, findOrAddApproval, takeApprovals } from '../storage/plugin/approvals.ts';
import { transact } from '../storage/transact.ts';
import { authoriseAgain } from './authorise-actor.ts';
import type { Call } from './call.ts';
import { type BeforeEvent, Denial, type HookRunner } from './hooks.ts';
import { isStorable } from './validate-input.ts';

const ONE_DAY_MS = 86_400_000;
const LONGEST_MS = 365 * ONE_DAY_MS;
const LONGEST_REASON = 1_000;

export interface ApprovalRequest {
  /** Why the operation needs a second administrator. Both administrators see this text. It has 1 to 1000 characters. */
  readonly reason: string;
  /** How long the request and its approval are valid, in ms. At most one year. @defaultValue 86400000, which is one day */
  readonly expiresInMs?: number;
}

/** `admin.approvals` of the plugin. */
export interface Approvals {
  /**
   * Requires that a second administrator approves a call. A before-hook calls this function and returns its result. The result
   * is `undefined` if another administrator has approved the same operation with the same input for the same caller. Otherwise
   * the function stores a request for approval, unless there already is one. The result is then a denial, whose error has the
   * `approval_id`. When the operation runs, it uses up its approval in the same transaction. A dry run needs no approval.
   * @param event the event that the before-hook got, not a copy of it
   * @throws Error if `event` is not such an event, the operation is not in `APPROVABLE_OPERATIONS`, or `reason` or
   * `expiresInMs` is invalid
   */
  readonly require: <Name extends ApprovableOperation>(
    event: BeforeEvent<Name>,
    request: ApprovalRequest,
  ) => Promise<Denial | undefined>;
}

export function createApprovals(db: Knex, callOf: HookRunner['callOf']): Approvals {
  return {
    require: async (event, request) => {
      const call = callOf(event);
      if (call === undefined) throw bad('event must be the object that a before-hook got, not a copy of it');
      const { operation, input, actor, requestId } = event;
      if (!isApprovable(operation)) {
        throw bad(
          `the input of ${operation} may have a secret, so it cannot wait for an approval. ` +
            `The operations that can are: ${APPROVABLE_OPERATIONS.join(', ')}`,
        );
      }
      const { reason, expiresInMs } = checkedRequest(request);
      if (call.isDryRun) return undefined;
      const { dryRun: _, ...shown }: Readonly<Record<string, unknown>> = input;
      const target = operationNamed(operation).target?.(input);
      const wanted = { operation, target, input: shown, requestedBy: nameOf(actor), requestId, reason, expiresInMs };
      const approval = await transact(db, (transaction) => findOrAddApproval(transaction, wanted));
      call.approvals.add(approval.id);
      if (approval.state === 'approved') return undefined;
      return new Denial('M_FORBIDDEN', problemOf(approval), { approval_id: approval.id });
    },
  };
}

const bad = (problem: string): Error => new Error(`approvals.require(event, { reason, expiresInMs }): ${problem}`);

/** Checks the request at run time, because hosts in plain JavaScript have no type checker. Fills in the default. */
function checkedRequest(request: unknown): Required<ApprovalRequest> {
  const { reason, expiresInMs = ONE_DAY_MS } = isRecord(request) ? request : {};
  if (typeof reason !== 'string' || reason === '' || reason.length > LONGEST_REASON || !isStorable(reason)) {
    throw bad(
      `reason must be a text of 1 to ${LONGEST_REASON} characters, without NUL characters and halves of surrogate pairs`,
    );
  }
  if (typeof expiresInMs !== 'number' || !(expiresInMs >= 1 && expiresInMs <= LONGEST_MS)) {
    throw bad(`expiresInMs must be from 1 to ${LONGEST_MS}`);
  }
  return { reason, expiresInMs };
}

function problemOf({ state, reason, decidedBy, decisionReason }: Approval): string {
  if (state !== 'denied') return `Another administrator must approve this first: ${reason}`;
  return `${decidedBy} has denied this${decisionReason === null ? '' : `: ${decisionReason}`}`;
}

/**
 * Uses up the approvals of a call, in the transaction that does the call's work. If the call has approvals, checks again that
 * the caller may run the operation.
 * @throws MatrixError `M_FORBIDDEN` if an approval is no longer valid, or if the caller may no longer run the operation
 */
export async function useApprovals(transaction: Knex.Transaction, call: Call): Promise<void> {
  const { approvals, actor, name, target, requestId } = call;
  if (approvals.size === 0) return;
  const taken = new Set(await takeApprovals(transaction, [...approvals], requestId));
  const missing = [...approvals].find((id) => !taken.has(id));
  if (missing !== undefined) {
    const fields = { approval_id: missing };
    throw new MatrixError('M_FORBIDDEN', 'The approval of this call has been used, or is no longer valid', { fields });
  }
  await authoriseAgain(transaction, actor, operationNamed(name).access, target);
}
