import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

export const AUDIT_OUTCOMES = ['ok', 'queued', 'refused', 'failed', 'cancelled'] as const;
/**
 * Outcome of a call or of its job. `queued`: a job was queued, whose end gets its own entry. `refused`: a Matrix error with a
 * status below 500. `failed`: any other error, or the job failed.
 */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** A new entry of the audit, the record of calls of the admin API. It contains no secrets and no message texts. */
export interface AuditEntry {
  readonly operation: string;
  readonly outcome: AuditOutcome;
  /** Who has called the operation. */
  readonly actor: string;
  /** The id of the room, user or other thing that the call is about. */
  readonly target?: string | undefined;
  readonly jobId?: string | undefined;
  readonly errcode?: string | undefined;
  /** Id of the approval that the call needs or has used. If the call needs several approvals, this is the last one. */
  readonly approvalId?: string | undefined;
  readonly requestId: string;
  /** Address of the HTTP client, if the call came over HTTP. */
  readonly address?: string | undefined;
}

/**
 * Maximum length of a stored target, in UTF-16 code units. A longer target is cut, because PostgreSQL cannot index long texts.
 */
const MAX_TARGET_LENGTH = 255;

/** Writes an audit entry. @returns PostgreSQL's id of the transaction that wrote the entry */
export async function insertAudit(db: Db, entry: AuditEntry): Promise<string> {
  const [row] = await rowsOf<{ transaction_id: string }>(
    db.raw(
      `INSERT INTO matrix_admin.audit (operation, outcome, actor, target, job_id, errcode, approval_id, request_id, address)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING txid_current()::text AS transaction_id`,
      [
        entry.operation,
        entry.outcome,
        entry.actor,
        entry.target?.slice(0, MAX_TARGET_LENGTH) ?? null,
        entry.jobId ?? null,
        entry.errcode ?? null,
        entry.approvalId ?? null,
        entry.requestId,
        entry.address ?? null,
      ],
    ),
  );
  return row?.transaction_id ?? '';
}

export interface AuditFilter {
  readonly operation?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  /** Only entries at or after this time, in ms since the epoch. */
  readonly since?: number | undefined;
  /** Only entries before this time, in ms since the epoch. */
  readonly until?: number | undefined;
}

/** A stored entry of the audit. */
export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
  /** When the entry was written, in ms since the epoch. */
  readonly at: number;
}

interface AuditRow {
  id: string;
  at_ms: number;
  operation: string;
  outcome: AuditOutcome;
  actor: string;
  target: string | null;
  job_id: string | null;
  errcode: string | null;
  approval_id: string | null;
  request_id: string;
  address: string | null;
}

/**
 * Lists at most `limit` audit entries that the filter selects, newest first. If `before` is given, lists only entries with a
 * smaller id.
 */
export async function readAudit(
  db: Knex,
  filter: AuditFilter,
  limit: number,
  before: number | undefined,
): Promise<StoredAuditEntry[]> {
  const rows = await rowsOf<AuditRow>(
    db.raw(
      `SELECT id, (extract(epoch FROM at) * 1000)::float8 AS at_ms, operation, outcome, actor, target, job_id, errcode,
         approval_id, request_id, address
       FROM matrix_admin.audit
       WHERE (CAST(:operation AS text) IS NULL OR operation = :operation)
         AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
         AND (CAST(:actor AS text) IS NULL OR actor = :actor)
         AND (CAST(:target AS text) IS NULL OR target = :target)
         AND (CAST(:since AS float8) IS NULL OR at >= to_timestamp(CAST(:since AS float8) / 1000))
         AND (CAST(:until AS float8) IS NULL OR at < to_timestamp(CAST(:until AS float8) / 1000))
         AND (CAST(:before AS bigint) IS NULL OR id < :before)
       ORDER BY id DESC LIMIT :limit`,
      {
        operation: filter.operation ?? null,
        outcome: filter.outcome ?? null,
        actor: filter.actor ?? null,
        target: filter.target ?? null,
        since: filter.since ?? null,
        until: filter.until ?? null,
        before: before ?? null,
        limit,
      },
    ),
  );
  return rows.map((row) => ({
    id: Number(row.id),
    at: Math.floor(row.at_ms),
    operation: row.operation,
    outcome: row.outcome,
    actor: row.actor,
    target: row.target ?? undefined,
    jobId: row.job_id ?? undefined,
    errcode: row.errcode ?? undefined,
    approvalId: row.approval_id ?? undefined,
    requestId: row.request_id,
    address: row.address ?? undefined,
  }));
}

/**
 * Finds the first audit entry of a call that has succeeded or queued a job, by the call's request id and operation. Returns the
 * entry's `jobId`, which is `undefined` if the call has queued no job. Returns `undefined` if there is no such entry.
 */
export async function findAuditOfRequest(
  db: Db,
  requestId: string,
  operation: string,
): Promise<{ readonly jobId: string | undefined } | undefined> {
  const [row] = await rowsOf<{ job_id: string | null }>(
    db.raw(
      `SELECT job_id FROM matrix_admin.audit
       WHERE request_id = ? AND operation = ? AND outcome IN ('ok', 'queued') ORDER BY id LIMIT 1`,
      [requestId, operation],
    ),
  );
  return row && { jobId: row.job_id ?? undefined };
}

/** Deletes entries that are older than `retentionMs`. Entries must not stay forever, because they contain client addresses. */
export async function removeOldAudit(db: Knex, retentionMs: number): Promise<void> {
  await db.raw(`DELETE FROM matrix_admin.audit WHERE at < clock_timestamp() - ?::bigint * interval '1 ms'`, [
    retentionMs,
  ]);
}
