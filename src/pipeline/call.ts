import type { Logger } from '../host.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Metrics } from '../metrics.ts';
import { type Actor, nameOf } from '../operations/actor.ts';
import type { OperationServices } from '../operations/define-operation.ts';
import type { OperationName } from '../operations/operations.ts';
import type { Db } from '../storage/database.ts';
import { type AuditOutcome, insertAudit } from '../storage/plugin/audit.ts';
import type { HookRunner } from './hooks.ts';

/** The services with which the pipeline runs operations. */
export interface Pipeline {
  readonly services: OperationServices;
  readonly jobs: Jobs;
  readonly hooks: HookRunner;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly newRequestId: () => string;
}

/** One call of an operation, with the facts that the pipeline finds out while it runs the call. */
export interface Call {
  readonly name: OperationName;
  readonly actor: Actor;
  readonly requestId: string;
  readonly address: string | undefined;
  readonly signal: AbortSignal;
  /** The room, user or other thing that the operation is about. The pipeline sets it when the input has been validated. */
  target: string | undefined;
  /** The job that the call has queued. The pipeline sets it when the job is queued. */
  jobId: string | undefined;
  /**
   * Ids of the approvals that before-hooks require for this call. The call fails if one of the approvals is no longer valid.
   */
  readonly approvals: Set<string>;
}

/** Writes the audit entry of a call. @returns PostgreSQL's id of the transaction that writes the entry */
export function auditCall(db: Db, call: Call, outcome: AuditOutcome, errcode?: string): Promise<string> {
  return insertAudit(db, {
    operation: call.name,
    outcome,
    actor: nameOf(call.actor),
    target: call.target,
    jobId: outcome === 'ok' || outcome === 'queued' ? call.jobId : undefined,
    errcode,
    approvalId: [...call.approvals].at(-1),
    requestId: call.requestId,
    address: call.address,
  });
}
