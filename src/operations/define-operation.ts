import type { Knex } from 'knex';
import type { z } from 'zod';
import type { Db } from '../storage/database.ts';
import type { Actor } from './actor.ts';

/** What operations work with. */
export interface OperationServices {
  readonly db: Knex;
  readonly searchEnabled: boolean;
  /** Makes this process look for jobs. */
  readonly wakeJobs: () => void;
}

/** What one call of an operation is given. */
export interface OperationScope extends OperationServices {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** The transaction that the audit entry is part of; the pool for operations that only read. */
  readonly transaction: Db;
  /** Does something once the transaction has committed. */
  readonly afterCommit: (work: () => void) => void;
  /** Names the job that the operation started, for the audit. */
  readonly startedJob: (jobId: string) => void;
}

/** One operation of the admin API, the same for HTTP and in-process calls. */
export interface Operation<Input extends z.ZodType = z.ZodType, Output = unknown> {
  /** Only server administrators and the homeserver itself, so far. */
  readonly access: 'admin';
  /** Operations that write run in a transaction, and are audited. */
  readonly effect: 'read' | 'write';
  readonly input: Input;
  /** What it is done to, for the audit. */
  readonly target?: (input: z.output<Input>) => string | undefined;
  readonly run: (scope: OperationScope, input: z.output<Input>) => Promise<Output>;
}

/** Infers the types of an operation from its definition. */
export function defineOperation<Input extends z.ZodType, Output>(
  operation: Operation<Input, Output>,
): Operation<Input, Output> {
  return operation;
}
