import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { nameOf } from '../operations/actor.ts';
import { APPROVABLE_OPERATIONS, type ApprovableOperation, isApprovable } from '../operations/approvable-operations.ts';
import { operationNamed } from '../operations/operations.ts';
import { type Approval, findOrAddApproval, takeApprovals } from '../storage/plugin/approvals.ts';
import { transact } from '../storage/transact.ts';
import { authoriseActor } from './authorise-actor.ts';
import type { Call } from './call.ts';
import { type BeforeEvent, Denial, type HookRunner } from './hooks.ts';
import { isStorable } from './validate-input.ts';

const ONE_DAY_MS = 86_400_000;
const LONGEST_MS = 365 * ONE_DAY_MS;
const LONGEST_REASON = 1_000;

export interface ApprovalRequest {
  /** Why the operation needs a second administrator, for both of them; of 1 to 1000 characters. */
  readonly reason: string;
  /** How long the request and its approval stand, in ms, a year at most. @defaultValue 86400000, one day */
  readonly expiresInMs?: number;
}

/** `admin.approvals` */
export interface Approvals {
  /**
   * Makes a call wait for a second administrator. A before-hook returns what this resolves to: `undefined` if another
   * administrator has approved the same operation with the same input for the same caller; else a denial whose error has the
   * `approval_id`. The call can't pass without the approval then, and uses it up in its transaction. A dry run needs none.
   * @param event the event of the before-hook itself, no copy
   * @throws Error for another event, an operation that no approval can be asked for, a bad `reason` or a bad `expiresInMs`
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
      if (call === undefined) throw bad('event must be the event that a before-hook got, while its call lasts');
      const { operation, input, actor, requestId } = event;
      if (!isApprovable(operation)) {
        throw bad(`the input of ${operation} may hold a secret. These can: ${APPROVABLE_OPERATIONS.join(', ')}`);
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

/** Plain JavaScript may pass anything. */
function checkedRequest(request: unknown): Required<ApprovalRequest> {
  const { reason, expiresInMs = ONE_DAY_MS } = isRecord(request) ? request : {};
  if (typeof reason !== 'string' || reason === '' || reason.length > LONGEST_REASON || !isStorable(reason)) {
    throw bad(`reason must be a text of 1 to ${LONGEST_REASON} characters, without NUL or half a surrogate pair`);
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
 * Uses up the approvals that a call needs, in the transaction of its work. The caller must still be an administrator.
 * @throws MatrixError `M_FORBIDDEN` if one of them does not stand any more, or the caller may not run the operation any more
 */
export async function useApprovals(transaction: Knex.Transaction, call: Call): Promise<void> {
  const { approvals, actor, name, target, requestId } = call;
  if (approvals.size === 0) return;
  const taken = new Set(await takeApprovals(transaction, [...approvals], requestId));
  const missing = [...approvals].find((id) => !taken.has(id));
  if (missing !== undefined) {
    const fields = { approval_id: missing };
    throw new MatrixError('M_FORBIDDEN', 'The approval of this has been used or does not stand any more', { fields });
  }
  if (actor.kind === 'system') return;
  const { kind, userId } = actor;
  await authoriseActor(transaction, { kind, userId }, operationNamed(name).access, target);
}
