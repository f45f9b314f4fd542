import { z } from 'zod';
import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { MatrixError, ParameterError } from '../../errors.ts';
import type { Db } from '../../storage/database.ts';
import {
  APPROVAL_STATES,
  type Approval,
  findApproval,
  lockApproval,
  readApprovals,
  storeDecision,
} from '../../storage/plugin/approvals.ts';
import { findAccountType } from '../../storage/userapi/accounts.ts';
import { type Actor, nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

const APPROVAL_ID = z.uuid();

/** Returns the approval that `find` finds for an id. @throws MatrixError `M_NOT_FOUND` if `find` finds none */
async function requireApproval(id: string, find: (id: string) => Promise<Approval | undefined>): Promise<Approval> {
  const approval = APPROVAL_ID.safeParse(id).success ? await find(id) : undefined;
  if (approval === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'no such approval; approvals are kept for a limited time');
  }
  return approval;
}

/**
 * Lists approvals, newest first, page by page. An approval is the record of a call that the host allows only after a second
 * administrator has approved it.
 */
export const listApprovals = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Only approvals in this state. @defaultValue all approvals */
    state: z.enum(APPROVAL_STATES).optional(),
    /**
     * Only approvals of operations on this target. The target is a room id, a user id or another id. @defaultValue all
     * approvals
     */
    target: z.string().max(255).optional(),
    /** Maximum number of approvals on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the previous page. */
    from: APPROVAL_ID.optional(),
  }),
  run: async (
    { db },
    { limit, from, ...filter },
  ): Promise<{ approvals: Approval[]; nextToken: string | undefined }> => {
    if (from !== undefined && (await findApproval(db, from)) === undefined) {
      // The approval was deleted after the previous page was read. An empty page would look like the end of the list.
      throw new ParameterError(['from'], 'no such approval');
    }
    const found = await readApprovals(db, filter, limit + 1, from);
    const approvals = found.slice(0, limit);
    return { approvals, nextToken: found.length > limit ? approvals.at(-1)?.id : undefined };
  },
});

/**
 * Shows one approval: the operation, its input, who has requested the approval, and the decision.
 * @throws MatrixError `M_NOT_FOUND` if there is no such approval
 */
export const getApproval = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the approval. */
    approvalId: z.string(),
  }),
  run: async ({ db }, { approvalId }): Promise<Approval> => requireApproval(approvalId, (id) => findApproval(db, id)),
});

const STATE_AFTER = { approve: 'approved', deny: 'denied' } as const;

/**
 * Approves or denies another administrator's call. After an approval, the other administrator must repeat the call.
 * @throws MatrixError `M_NOT_FOUND` if there is no such approval
 * @throws MatrixError `M_FORBIDDEN` if the caller has requested the approval, or is code of the homeserver
 * @throws MatrixError 409 `M_BAD_STATE` if the approval has been decided or has expired
 */
export const decideApproval = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The id of the approval. */
    approvalId: z.string(),
    /** `approve` lets the requester repeat the call. `deny` refuses the call. */
    decision: z.enum(['approve', 'deny']),
    /** Why the decision was made. The requester can read the reason. @defaultValue no reason */
    reason: z.string().max(1_000).optional(),
  }),
  target: ({ approvalId }) => approvalId,
  run: async ({ transaction, actor }, { approvalId, decision, reason }): Promise<Approval> => {
    const approval = await requireApproval(approvalId, (id) => lockApproval(transaction, id));
    await requireSecondAdmin(transaction, actor, approval);
    if (approval.state !== 'pending') {
      const problem =
        approval.state === 'expired' ? 'This request has expired' : `This request is already ${approval.state}`;
      throw new MatrixError('M_BAD_STATE', problem, { status: 409 });
    }
    await storeDecision(transaction, approvalId, { state: STATE_AFTER[decision], decidedBy: nameOf(actor), reason });
    return requireApproval(approvalId, (id) => findApproval(transaction, id));
  },
});

/**
 * Checks that the actor may decide about an approval: a current administrator who is not the requester. Code of the homeserver
 * may not decide. The comparison of user ids ignores case, because two access tokens may spell the same user id differently.
 * @throws MatrixError `M_FORBIDDEN`
 */
async function requireSecondAdmin(db: Db, actor: Actor, { requestedBy }: Approval): Promise<void> {
  if (actor.kind === 'system')
    throw new MatrixError('M_FORBIDDEN', 'Only an administrator with an account can decide about this approval');
  if (actor.userId.toLowerCase() === requestedBy.toLowerCase()) {
    throw new MatrixError('M_FORBIDDEN', 'Another administrator must decide about this approval');
  }
  if ((await findAccountType(db, actor.userId)) !== ACCOUNT_TYPE.admin) {
    throw new MatrixError('M_FORBIDDEN', 'This API can only be used by admin users.');
  }
}
