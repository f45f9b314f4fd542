import { channel } from 'node:diagnostics_channel';
import type { OperationName } from '../operations/operations.ts';
import type { AuditOutcome } from '../storage/plugin/audit.ts';

/**
 * The end of a call of an operation, or of the job that does an operation's work. It has neither the input nor the result of
 * the operation, because both can contain secrets.
 */
export interface OperationEnd {
  readonly operation: OperationName;
  /** The user id of the caller, or `system:` and a name if the homeserver itself called the operation. */
  readonly actor: string;
  /** The room, user or other thing that the operation is about. `undefined` if there is no such thing. */
  readonly target: string | undefined;
  readonly requestId: string;
  readonly jobId: string | undefined;
  /** `queued` means that the call has started a job. The end of this job is a message of its own. */
  readonly outcome: AuditOutcome;
  /** The `errcode` of a call that was refused or has failed. */
  readonly errcode: string | undefined;
  /** How long the call took, in ms. For a job, the time since the job was queued. */
  readonly durationMs: number;
}

/**
 * Sends the end of an operation to the subscribers of the channel `koa-matrix-admin:operation` of `node:diagnostics_channel`.
 */
export function publishOperation(end: OperationEnd): void {
  const operations = channel('koa-matrix-admin:operation');
  if (operations.hasSubscribers) operations.publish(end);
}
