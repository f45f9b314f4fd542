import type { Knex } from 'knex';
import { type Db, lockApprovals, rowsOf } from '../database.ts';

export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'used', 'expired'] as const;
/**
 * State of an approval. `pending`: it waits for the decision of a second administrator. `used`: the approved call has run.
 * `expired`: its time ended while it was pending, or while it was approved and not used.
 */
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** A call of an operation that needs the approval of a second administrator. */
interface Approvable {
  readonly operation: string;
  /** The operation's input, with defaults filled in and without `dryRun`. It contains no secrets and no message texts. */
  readonly input: Readonly<Record<string, unknown>>;
  /**
   * The administrator who called the operation, or `system:` and the name of the homeserver's code that called the operation.
   */
  readonly requestedBy: string;
}

/** The stored approval of a call, whatever its state. Times are in ms since the epoch. */
export interface Approval extends Approvable {
  readonly id: string;
  /** The id of the room, user or other thing that the call is about, if any. */
  readonly target: string | null;
  /** Why the homeserver demands an approval. */
  readonly reason: string;
  readonly state: ApprovalState;
  readonly requestedTs: number;
  /** Request id of the first call that needed this approval. */
  readonly requestId: string;
  readonly expiresTs: number;
  /** The administrator who has decided. `null` if nobody has, like the next two fields. */
  readonly decidedBy: string | null;
  readonly decidedTs: number | null;
  readonly decisionReason: string | null;
  readonly usedTs: number | null;
  /** Request id of the call that has used the approval. `null` if no call has used it. */
  readonly usedRequestId: string | null;
}

/** An approval that `findOrAddApproval()` adds if there is none yet. */
export interface NewApproval extends Approvable {
  readonly target: string | undefined;
  readonly reason: string;
  readonly requestId: string;
  /** Time until the approval expires, in ms from now. */
  readonly expiresInMs: number;
}

/** SQL for the state of an approval. The table does not store the state `expired`. */
const STATE = `CASE WHEN state IN ('pending', 'approved') AND expires_at <= clock_timestamp() THEN 'expired' ELSE state END`;
const msOf = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::float8`;
/** SQL for the fields of an `Approval`. */
const COLUMNS = `id, operation, target, input, reason, ${STATE} AS state, requested_by AS "requestedBy",
  ${msOf('requested_at')} AS "requestedTs", request_id AS "requestId", ${msOf('expires_at')} AS "expiresTs",
  decided_by AS "decidedBy", ${msOf('decided_at')} AS "decidedTs", decision_reason AS "decisionReason",
  ${msOf('used_at')} AS "usedTs", used_request_id AS "usedRequestId"`;

/**
 * Finds the newest approval for the same operation, input and requester that is neither used nor past its time. The approval
 * found may be pending, approved or denied. If there is none, adds a pending approval. Concurrent calls get the same approval.
 */
export async function findOrAddApproval(transaction: Knex.Transaction, wanted: NewApproval): Promise<Approval> {
  await lockApprovals(transaction);
  const { target, input, ...others } = wanted;
  const values = { ...others, target: target ?? null, input: JSON.stringify(input) };
  const [standing] = await rowsOf<Approval>(
    transaction.raw(
      `SELECT ${COLUMNS} FROM matrix_admin.approvals
       WHERE requested_by = :requestedBy AND operation = :operation AND input = CAST(:input AS jsonb)
         AND state <> 'used' AND expires_at > clock_timestamp()
       ORDER BY requested_at DESC LIMIT 1`,
      values,
    ),
  );
  if (standing !== undefined) return standing;
  const [added] = await rowsOf<Approval>(
    transaction.raw(
      `INSERT INTO matrix_admin.approvals (operation, target, input, reason, requested_by, request_id, expires_at)
       VALUES (:operation, :target, :input, :reason, :requestedBy, :requestId,
         clock_timestamp() + :expiresInMs * interval '1 ms')
       RETURNING ${COLUMNS}`,
      values,
    ),
  );
  if (added === undefined) throw new Error('an INSERT has returned no row');
  return added;
}

/** Finds an approval by its id. Returns `undefined` if there is none. */
export async function findApproval(db: Db, id: string): Promise<Approval | undefined> {
  const [approval] = await rowsOf<Approval>(db.raw(`SELECT ${COLUMNS} FROM matrix_admin.approvals WHERE id = ?`, [id]));
  return approval;
}

/**
 * Finds an approval and locks its row, so that no other transaction changes the approval before this transaction ends. Returns
 * `undefined` if there is no such approval.
 */
export async function lockApproval(transaction: Knex.Transaction, id: string): Promise<Approval | undefined> {
  const [approval] = await rowsOf<Approval>(
    transaction.raw(`SELECT ${COLUMNS} FROM matrix_admin.approvals WHERE id = ? FOR UPDATE`, [id]),
  );
  return approval;
}

/**
 * Lists at most `limit` approvals that the filter selects, newest first. If `after` is the id of an approval, the list starts
 * with the next older approval.
 */
export async function readApprovals(
  db: Db,
  filter: { readonly state?: ApprovalState | undefined; readonly target?: string | undefined },
  limit: number,
  after: string | undefined,
): Promise<Approval[]> {
  return rowsOf<Approval>(
    db.raw(
      `SELECT ${COLUMNS} FROM matrix_admin.approvals
       WHERE (CAST(:state AS text) IS NULL OR ${STATE} = :state)
         AND (CAST(:target AS text) IS NULL OR target = :target)
         AND (CAST(:after AS uuid) IS NULL
              OR (requested_at, id) < (SELECT a.requested_at, a.id FROM matrix_admin.approvals a WHERE a.id = :after))
       ORDER BY requested_at DESC, id DESC LIMIT :limit`,
      { state: filter.state ?? null, target: filter.target ?? null, after: after ?? null, limit },
    ),
  );
}

/** Stores the decision about an approval. The caller must have locked the approval, and checked that it is pending. */
export async function storeDecision(
  transaction: Knex.Transaction,
  id: string,
  decision: { readonly state: 'approved' | 'denied'; readonly decidedBy: string; readonly reason: string | undefined },
): Promise<void> {
  await transaction.raw(
    `UPDATE matrix_admin.approvals
     SET state = :state, decided_by = :decidedBy, decided_at = clock_timestamp(), decision_reason = :reason
     WHERE id = :id`,
    { id, ...decision, reason: decision.reason ?? null },
  );
}

/**
 * Marks those of the given approvals as used that are approved and have not expired. If several transactions try to use the
 * same approval, only one of them succeeds.
 * @param requestId the request id of the call that uses the approvals
 * @returns the ids of the approvals that this call has marked
 */
export async function takeApprovals(
  transaction: Knex.Transaction,
  ids: readonly string[],
  requestId: string,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    transaction.raw(
      `UPDATE matrix_admin.approvals SET state = 'used', used_at = clock_timestamp(), used_request_id = ?
       WHERE id = ANY(?) AND state = 'approved' AND expires_at > clock_timestamp() RETURNING id`,
      [requestId, [...ids]],
    ),
  );
  return rows.map(({ id }) => id);
}

/** Deletes approvals of any state whose time ended more than `retentionMs` ago. */
export async function removeOldApprovals(db: Knex, retentionMs: number): Promise<void> {
  await db.raw(
    `DELETE FROM matrix_admin.approvals WHERE expires_at < clock_timestamp() - ?::bigint * interval '1 ms'`,
    [retentionMs],
  );
}
