import type { Knex } from 'knex';
import type { z } from 'zod';
import type { HashPassword } from '../accounts/password-hasher.ts';
import type { RestrictionCache } from '../accounts/restriction-cache.ts';
import type { UserTotals } from '../accounts/user-totals.ts';
import type { Appservice, FederationSender, Logger, SigningKey } from '../host.ts';
import type { ServerName } from '../ids.ts';
import type { JobData, JobStep } from '../jobs/job.ts';
import type { JobItems } from '../jobs/job-items.ts';
import type { Announce } from '../rooms/announce.ts';
import type { RoomWriter } from '../rooms/room-writer.ts';
import type { ServerNotices } from '../rooms/server-notices.ts';
import type { RoomRemoval } from '../search/room-removal.ts';
import type { Db } from '../storage/database.ts';
import type { Actor } from './actor.ts';

/** `options.limits`, as far as operations keep to it. */
export interface OperationLimits {
  /** Most connections of the host's pool that a job uses at a time. */
  readonly connections: number;
  /** How long the answer of another homeserver is waited for, in ms. */
  readonly federationRequestMs: number;
}

/** What operations work with. */
export interface OperationServices {
  readonly db: Knex;
  /** The primary server name. */
  readonly serverName: ServerName;
  /** The primary server name and those of virtual hosts. */
  readonly localServerNames: readonly ServerName[];
  readonly roomWriter: RoomWriter;
  /** `undefined`: switched off. */
  readonly serverNotices: ServerNotices | undefined;
  readonly hashPassword: HashPassword;
  /** Which accounts are suspended or locked. */
  readonly restrictions: RestrictionCache;
  /** How many users match what lists are asked for. */
  readonly userTotals: UserTotals;
  /** Lets accounts be made; `undefined`: by nobody. */
  readonly sharedSecret: string | undefined;
  /** Whether the homeserver asks for registration tokens. */
  readonly requiresToken: boolean;
  readonly appservices: readonly Appservice[];
  /** Tells the host what was written, once it has been committed. */
  readonly announce: Announce;
  /** Asks other servers. Not in a transaction. */
  readonly federation: FederationSender | undefined;
  readonly signingKeys: readonly SigningKey[];
  readonly limits: OperationLimits;
  readonly searchEnabled: boolean;
  readonly roomRemoval: RoomRemoval;
  /** Makes this process look for jobs. */
  readonly wakeJobs: () => void;
}

/** What one call of an operation that only reads is given. */
export interface ReadScope extends OperationServices {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** What one call of an operation that writes is given. */
export interface OperationScope extends ReadScope {
  /** The transaction that the audit entry is part of. */
  readonly transaction: Knex.Transaction;
  /** Does something once the transaction has committed; never after a dry run. */
  readonly afterCommit: (work: () => void) => void;
  /** Names the job that the operation started, for the audit. */
  readonly startedJob: (jobId: string) => void;
}

/** What the job of an operation is given. */
export interface OperationWork extends Omit<OperationServices, 'db'> {
  /**
   * Where to read outside of steps: the pool, or the transaction of a dry run once its first step has opened it. A dry run
   * that asked the pool for a second connection would freeze a host whose pool is small.
   */
  readonly reader: () => Db;
  /** Who started it. */
  readonly actor: Actor;
  /** What the last step has left to go on from; `undefined` at the beginning. */
  readonly checkpoint: JobData | undefined;
  /** What the steps before have dealt with, where it is too much for a checkpoint. */
  readonly items: JobItems;
  /** Aborted when the work is to stop; the next step then throws. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Everything is rolled back in the end. Whatever is not done through a step's transaction (requests to other servers)
   * must be left out then.
   */
  readonly dryRun: boolean;
  /** Does a step in a transaction of its own, and stores in it how far the work is. All steps of a dry run share one. */
  readonly commit: <T>(
    step: (transaction: Knex.Transaction, afterCommit: (work: () => void) => void) => Promise<JobStep<T>>,
  ) => Promise<T>;
  /**
   * Does something in a transaction that is no step: it must be found done, or be done again, by whoever goes on from the
   * last step. Several may run side by side; those of a dry run share its transaction, and must not.
   */
  readonly transact: <T>(
    work: (transaction: Knex.Transaction, afterCommit: (work: () => void) => void) => Promise<T>,
  ) => Promise<T>;
}

/**
 * Who may run an operation beside the homeserver itself. `admin`: server administrators. `self-or-admin`: also any user but
 * guests on what is the user's own. `open`: anybody, without an access token; the operation has a check of its own, or
 * reveals nothing.
 */
export type Access = 'admin' | 'self-or-admin' | 'open';

/** What all operations have. */
export interface OperationBase<Input extends z.ZodType> {
  readonly access: Access;
  readonly input: Input;
  /** What it is done to, for the audit; with `self-or-admin` the user id that an actor may be. */
  readonly target?: (input: z.output<Input>) => string | undefined;
  /** Operations that it does as a part of itself. Their before-hooks, and those of their own parts, may refuse it, too. */
  readonly includes?: (input: z.output<Input>) => readonly IncludedOperation[];
}

/** An operation that another one does as a part of itself: its name and its valid input. */
export interface IncludedOperation {
  readonly operation: string;
  readonly input: unknown;
}

/** An operation that changes nothing. */
export interface ReadOperation<Input extends z.ZodType = z.ZodType, Output = unknown> extends OperationBase<Input> {
  readonly effect: 'read';
  readonly run: (scope: ReadScope, input: z.output<Input>) => Promise<Output>;
}

/** An operation that is over when its call is, and runs in one transaction. */
export interface WriteOperation<Input extends z.ZodType = z.ZodType, Output = unknown, Prepared = unknown>
  extends OperationBase<Input> {
  readonly effect: 'write';
  /** It only starts a job, so that its audit entry says `queued`. @defaultValue false */
  readonly onlyQueues?: boolean;
  /** What takes long and needs no transaction; it runs before it. */
  prepare?(scope: ReadScope, input: z.output<Input>): Promise<Prepared>;
  run(scope: OperationScope, input: z.output<Input>, prepared: Prepared): Promise<Output>;
}

/**
 * An operation that may take long, or several transactions: it is done by a job, which any process of the homeserver can
 * go on with. Its caller waits for the job.
 */
export interface JobOperation<
  Input extends z.ZodType<{ readonly dryRun: boolean }> = z.ZodType<{ readonly dryRun: boolean }>,
  Output extends object = object,
> extends OperationBase<Input> {
  readonly effect: 'job';
  /**
   * Whether an HTTP request is answered `202` as soon as an attempt has failed that will be made again; the next may be far
   * off. @defaultValue false: it waits for them
   */
  readonly answersAfterFailure?: boolean;
  /** A call joins the unfinished job of the same key if its input is the same, and is refused if not. */
  readonly dedupeKey: (input: z.output<Input>) => string;
  /** Operations whose jobs do the same work to the same key. @defaultValue this one alone */
  readonly dedupesWith?: string;
  /**
   * What must hold, or is to be true at once: runs in the transaction that queues the job. A dry run begins twice: to check
   * the input before the work asks other servers, and again in the transaction of its steps.
   * @throws MatrixError that the caller is told; then there is no job
   */
  readonly begin: (
    scope: OperationScope & { readonly transaction: Knex.Transaction },
    input: z.output<Input>,
  ) => Promise<void>;
  /** The work. What it returns is the job's result and the caller's answer: a JSON object. */
  readonly run: (work: OperationWork, input: z.output<Input>) => Promise<Output>;
}

/** One operation of the admin API, the same for HTTP and in-process calls. */
export type Operation = ReadOperation | WriteOperation | JobOperation;

/** Infers the types of an operation from its definition. */
export function defineOperation<Input extends z.ZodType, Output>(
  operation: ReadOperation<Input, Output>,
): ReadOperation<Input, Output>;
export function defineOperation<Input extends z.ZodType, Output, Prepared>(
  operation: WriteOperation<Input, Output, Prepared>,
): WriteOperation<Input, Output, Prepared>;
export function defineOperation(operation: ReadOperation | WriteOperation): ReadOperation | WriteOperation {
  return operation;
}

/** The same for an operation that is done by a job. */
export function defineJobOperation<Input extends z.ZodType<{ readonly dryRun: boolean }>, Output extends object>(
  operation: JobOperation<Input, Output>,
): JobOperation<Input, Output> {
  return operation;
}
