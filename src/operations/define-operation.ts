import type { Knex } from 'knex';
import type { z } from 'zod';
import type { HashPassword } from '../accounts/password-hasher.ts';
import type { StandingCache } from '../accounts/standing-cache.ts';
import type { UserTotals } from '../accounts/user-totals.ts';
import type { Appservice, FederationSender, Logger, SigningKey } from '../host.ts';
import type { ServerName } from '../ids.ts';
import type { Job, JobKind, JobRun, JobStep } from '../jobs/job.ts';
import type { JobItems } from '../jobs/job-items.ts';
import type { Announce } from '../rooms/announce.ts';
import type { RoomWriter } from '../rooms/room-writer.ts';
import type { ServerNotices } from '../rooms/server-notices.ts';
import type { Reindex } from '../search/reindex-job.ts';
import type { RoomRemoval } from '../search/room-removal.ts';
import type { Db } from '../storage/database.ts';
import type { AfterCommit } from '../storage/transact.ts';
import type { Actor } from './actor.ts';
import type { AbandonedRoomPolicy } from './rooms/abandoned-rooms.ts';

/** `options.limits`, as far as operations keep to it. */
export interface OperationLimits {
  /** Most connections of the host's pool that a job uses at a time. */
  readonly connections: number;
  /** How long the answer of another homeserver is waited for, in ms. */
  readonly federationRequestMs: number;
}

/** A caller of a call that an operation makes. */
interface OperationCaller {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Calls that operations make of others. */
export interface OperationCalls {
  /** @throws ParameterError if the input is not one of the operation's */
  readonly check: (operation: string, input: unknown) => void;
  /**
   * Runs an operation to its end, with all checks, hooks and audit. A call with the request id of an earlier one that has
   * succeeded does not run it again.
   * @throws errors of the operation
   */
  readonly runOnce: (operation: string, input: unknown, caller: OperationCaller) => Promise<unknown>;
}

/** Everything that operations work with. */
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
  /** What administrators have decided about accounts. */
  readonly standings: StandingCache;
  /** Counts of users by list filters. */
  readonly userTotals: UserTotals;
  /** Secret that allows registration. `undefined`: registration by shared secret is off. */
  readonly sharedSecret: string | undefined;
  /** Whether the homeserver asks for registration tokens. */
  readonly requiresToken: boolean;
  /** Whether administrators may log in as other users. */
  readonly allowLoginAs: boolean;
  readonly appservices: readonly Appservice[];
  /** Tells the host what a committed transaction has changed. */
  readonly announce: Announce;
  /** Asks other servers. Never use it inside a transaction. */
  readonly federation: FederationSender | undefined;
  readonly signingKeys: readonly SigningKey[];
  readonly limits: OperationLimits;
  /** When rooms without local users are purged. `undefined`: never. */
  readonly purgeAbandoned: AbandonedRoomPolicy | undefined;
  /** Rebuilds the search index. `undefined`: search is off. */
  readonly reindex: Reindex | undefined;
  readonly roomRemoval: RoomRemoval;
  readonly calls: OperationCalls;
  /** Makes this process look for jobs. */
  readonly wakeJobs: () => void;
}

/** What a call of a reading operation gets. */
export interface ReadScope extends OperationServices {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** What a call of a writing operation gets. */
export interface OperationScope extends ReadScope {
  /** The transaction that the audit entry is part of. */
  readonly transaction: Knex.Transaction;
  /** Runs work once the transaction has committed. After a dry run it does nothing. */
  readonly afterCommit: AfterCommit;
  /** Names the job that the operation started, for the audit. */
  readonly startedJob: (jobId: string) => void;
}

/** What the job of an operation gets. `Checkpoint` is what its steps store. */
export interface OperationWork<Checkpoint extends object = object> extends Omit<OperationServices, 'db'> {
  /**
   * Where to read outside of steps: the pool, or, in a dry run, the transaction that its first step has opened. A second
   * connection for a dry run could freeze a host with a small pool.
   */
  readonly reader: () => Db;
  /** The actor who started the job. */
  readonly actor: Actor;
  /** The last step's checkpoint. `undefined` at the beginning. */
  readonly checkpoint: Checkpoint | undefined;
  /** What earlier steps have dealt with, if it is too much for a checkpoint. */
  readonly items: JobItems;
  /** Aborted when the work must stop. The next step then throws. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Everything is rolled back in the end. Leave out what does not go through a step's transaction, such as requests to other
   * servers.
   */
  readonly dryRun: boolean;
  /** Runs a step in a transaction of its own that also stores the checkpoint. All steps of a dry run share one transaction. */
  commit<T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, Checkpoint>>,
  ): Promise<T>;
  /**
   * Runs work in a transaction that stores no checkpoint. A process that goes on from the last step must find this work done, or
   * do it again. Several may run side by side, but not in a dry run, where they share one transaction.
   */
  readonly transact: <T>(work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<T>) => Promise<T>;
  /** The run of the job. `undefined` in a dry run, which has no job. */
  readonly jobRun: JobRun | undefined;
}

/**
 * Who may run an operation, besides the homeserver itself. `admin`: server administrators. `self-or-admin`: also users, except
 * guests, on themselves. `open`: anybody, without an access token; the operation has a check of its own or reveals nothing.
 */
export type Access = 'admin' | 'self-or-admin' | 'open';

/** The common part of all operations. */
export interface OperationBase<Input extends z.ZodType> {
  readonly access: Access;
  /** Made by `inputObject()`, or editors do not show the doc comments of its fields. */
  readonly input: Input;
  /**
   * Replaces names in the valid input by what they stand for, such as a room's alias by the room's id. Hooks and the audit see
   * the result. @defaultValue the input stays
   */
  resolve?(services: OperationServices, input: z.output<Input>): Promise<z.output<Input>>;
  /** The operation's target, for the audit. With `self-or-admin` it is the user id that is compared with the actor. */
  readonly target?: (input: z.output<Input>) => string | undefined;
  /**
   * Operations that this operation includes. Their before-hooks may also refuse it, and so may those of the operations that
   * they include.
   */
  readonly includes?: (input: z.output<Input>) => readonly IncludedOperation[];
}

/** An operation that another one includes: its name and its valid input. */
export interface IncludedOperation {
  readonly operation: string;
  readonly input: unknown;
}

/** An operation that changes nothing. */
export interface ReadOperation<Input extends z.ZodType = z.ZodType, Output = unknown> extends OperationBase<Input> {
  readonly effect: 'read';
  readonly run: (scope: ReadScope, input: z.output<Input>) => Promise<Output>;
}

/** An operation that runs in one transaction and has ended when its call returns. */
export interface WriteOperation<Input extends z.ZodType = z.ZodType, Output = unknown, Prepared = unknown>
  extends OperationBase<Input> {
  readonly effect: 'write';
  /** Slow work that needs no transaction. It runs before the transaction. */
  prepare?(scope: ReadScope, input: z.output<Input>): Promise<Prepared>;
  run(scope: OperationScope, input: z.output<Input>, prepared: Prepared): Promise<Output>;
}

/**
 * An operation that may take long or need several transactions. A job does the work, and any process of the homeserver can go
 * on with it. The caller waits for the job.
 */
export interface JobOperation<
  Input extends z.ZodType<object> = z.ZodType<object>,
  Output extends object = object,
  Checkpoint extends object = object,
> extends OperationBase<Input> {
  readonly effect: 'job';
  /**
   * Whether an HTTP request is answered `202` as soon as an attempt has failed, because the next attempt may be far off.
   * @defaultValue false: the request waits for the next attempts
   */
  readonly answersAfterFailure?: boolean;
  /** A call joins the unfinished job with the same key and input. With another input it is refused. */
  dedupeKey(input: z.output<Input>): string;
  /** Common name of operations whose jobs do the same work to the same key. @defaultValue the operation's own name */
  readonly dedupesWith?: string;
  /**
   * Checks and first changes, in the transaction that queues the job. A dry run begins twice: first to check the input before
   * the work asks other servers, then in the transaction of its steps.
   * @throws MatrixError for the caller; no job is queued then
   */
  begin(scope: OperationScope, input: z.output<Input>): Promise<void>;
  /** The work. Its return value, a JSON object, is the job's result and the caller's answer. */
  run(work: OperationWork<Checkpoint>, input: z.output<Input>): Promise<Output>;
  /** Whether this process works on such jobs. @defaultValue yes */
  isServed?(services: OperationServices): boolean;
  /** Does a share of a job that another process leads. @defaultValue the work can't be shared */
  assist?(services: OperationServices, ...run: Parameters<NonNullable<JobKind['assist']>>): Promise<void>;
  /** Removes what a cancelled or failed job leaves behind. @defaultValue nothing */
  cleanUp?(services: OperationServices, job: Job): Promise<void>;
}

/** One operation of the admin API, the same for HTTP and in-process calls. */
export type Operation = ReadOperation | WriteOperation | JobOperation;

/**
 * The operations that a module exports, by their names. Unlike the type of an object that lists them, it keeps their doc
 * comments when declarations are made.
 */
export type OperationsIn<Module> = {
  readonly [Name in keyof Module as Module[Name] extends Operation ? Name : never]: Module[Name];
};

/** Defines an operation, and infers its types. */
export function defineOperation<Input extends z.ZodType, Output>(
  operation: ReadOperation<Input, Output>,
): ReadOperation<Input, Output>;
export function defineOperation<Input extends z.ZodType, Output, Prepared>(
  operation: WriteOperation<Input, Output, Prepared>,
): WriteOperation<Input, Output, Prepared>;
export function defineOperation(operation: ReadOperation | WriteOperation): ReadOperation | WriteOperation {
  return operation;
}

/** Defines an operation that is done by a job, and infers its types. The type of its checkpoints stays inside. */
export function defineJobOperation<
  Input extends z.ZodType<object>,
  Output extends object,
  Checkpoint extends object = object,
>(operation: JobOperation<Input, Output, Checkpoint>): JobOperation<Input, Output> {
  return operation;
}
