import type { Knex } from 'knex';
import type { z } from 'zod';
import type { HashPassword } from '../accounts/password-hasher.ts';
import type { StandingCache } from '../accounts/standing-cache.ts';
import type { UserTotals } from '../accounts/user-totals.ts';
import type { MatrixError } from '../errors.ts';
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

/** The part of `options.limits` that operations use. */
export interface OperationLimits {
  /** Maximum number of connections of the host's pool that a job uses at once. */
  readonly connections: number;
  /** Time limit for the answer of another homeserver, in ms. */
  readonly federationRequestMs: number;
}

/** The caller that an operation names when it calls another operation. */
interface OperationCaller {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Functions with which an operation calls other operations. */
export interface OperationCalls {
  /** Checks an input without a call. @throws ParameterError if the operation does not accept the input */
  readonly check: (operation: string, input: unknown) => void;
  /**
   * Runs an operation to its end, with all checks, hooks and audit. Does not run it again if an earlier call with the same
   * request id has succeeded.
   * @returns the error that answers the caller, if the operation was refused
   * @throws other errors, such as that of a database that is away; the signal's reason once the signal is aborted
   */
  readonly runOnce: (operation: string, input: unknown, caller: OperationCaller) => Promise<MatrixError | undefined>;
}

/** The services that all operations can use. */
export interface OperationServices {
  readonly db: Knex;
  /** The primary server name. */
  readonly serverName: ServerName;
  /** The primary server name and those of virtual hosts. */
  readonly localServerNames: readonly ServerName[];
  readonly roomWriter: RoomWriter;
  /** Sends server notices. `undefined`: server notices are off. */
  readonly serverNotices: ServerNotices | undefined;
  readonly hashPassword: HashPassword;
  /** Cache of what administrators have decided about accounts. */
  readonly standings: StandingCache;
  /** Counts of users by list filters. */
  readonly userTotals: UserTotals;
  /** Shared secret for registrations. `undefined`: registration by shared secret is off. */
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

/** The scope of a `ReadOperation`'s call. */
export interface ReadScope extends OperationServices {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** The scope of a `WriteOperation`'s call. */
export interface WriteScope extends ReadScope {
  /** The transaction that the audit entry is part of. */
  readonly transaction: Knex.Transaction;
  /** Runs work once the transaction has committed. After a dry run it does nothing. */
  readonly afterCommit: AfterCommit;
  /** Names the job that the operation started, for the audit. */
  readonly startedJob: (jobId: string) => void;
}

/** The scope of a `JobOperation`'s job. `Checkpoint` is the type of the data that its steps store. */
export interface JobScope<Checkpoint extends object = object> extends Omit<OperationServices, 'db'> {
  /**
   * Returns the connection for reads outside steps: the pool or, once the first step of a dry run has begun, the transaction of
   * the dry run. A second connection for a dry run could block a host with a small pool.
   */
  readonly reader: () => Db;
  /** The actor who started the job. */
  readonly actor: Actor;
  /** The checkpoint of the last step. `undefined` before the first step. */
  readonly checkpoint: Checkpoint | undefined;
  /** Items that earlier steps have processed. Use `items` for lists that are too long for a checkpoint. */
  readonly items: JobItems;
  /** Aborted when the work must stop. The next step then throws. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Whether the job is a dry run, whose transaction is rolled back at the end. A dry run must skip effects that a rollback does
   * not undo, such as requests to other servers.
   */
  readonly dryRun: boolean;
  /** Runs a step in a transaction of its own that also stores the checkpoint. All steps of a dry run share one transaction. */
  commit<T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, Checkpoint>>,
  ): Promise<T>;
  /**
   * Runs work in a transaction that stores no checkpoint. The work must be safe to repeat, because a resumed job starts from
   * the last step. Several transactions may run in parallel, except in a dry run, where they share one transaction.
   */
  readonly transact: <T>(work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<T>) => Promise<T>;
  /** The run of the job. `undefined` in a dry run, which has no job. */
  readonly jobRun: JobRun | undefined;
}

/**
 * Who may run an operation. The homeserver itself may run all operations. `admin`: server administrators. `self-or-admin`:
 * server administrators, and users except guests on themselves. `open`: anybody, without an access token. An `open` operation
 * has a check of its own or reveals nothing.
 */
export type Access = 'admin' | 'self-or-admin' | 'open';

/** The common part of all operations. */
export interface OperationBase<Input extends z.ZodType> {
  readonly access: Access;
  /** Schema of the input. Create it with `inputObject()`, so that editors show the doc comments of its fields. */
  readonly input: Input;
  /**
   * Replaces names in the valid input by ids, such as a room alias by the room id. Hooks and the audit see the result.
   * @defaultValue the input stays as it is
   */
  resolve?(services: OperationServices, input: z.output<Input>): Promise<z.output<Input>>;
  /** The target of a call, for the audit. With `self-or-admin`: id of the user who may call without being an admin. */
  readonly target?: (input: z.output<Input>) => string | undefined;
  /**
   * Operations that this operation includes. Before-hooks of included operations also run, and can veto this operation. The
   * same holds for operations that an included operation includes.
   */
  readonly includes?: (input: z.output<Input>) => readonly IncludedOperation[];
}

/** An included operation. `operation` is its name, `input` is its valid input. */
export interface IncludedOperation {
  readonly operation: string;
  readonly input: unknown;
}

/** An operation that changes nothing. */
export interface ReadOperation<Input extends z.ZodType = z.ZodType, Output = unknown> extends OperationBase<Input> {
  readonly effect: 'read';
  readonly run: (scope: ReadScope, input: z.output<Input>) => Promise<Output>;
}

/** An operation that does its work in one transaction. The transaction has committed when the call returns. */
export interface WriteOperation<Input extends z.ZodType = z.ZodType, Output = unknown, Prepared = unknown>
  extends OperationBase<Input> {
  readonly effect: 'write';
  /** Does slow work that needs no transaction. Runs before the transaction; `run` gets the result. */
  prepare?(scope: ReadScope, input: z.output<Input>): Promise<Prepared>;
  run(scope: WriteScope, input: z.output<Input>, prepared: Prepared): Promise<Output>;
}

/**
 * An operation that may take long or need several transactions. A job does the work. Any process of the homeserver can resume
 * the job. The caller waits for the job.
 */
export interface JobOperation<
  Input extends z.ZodType<object> = z.ZodType<object>,
  Output extends object = object,
  Checkpoint extends object = object,
> extends OperationBase<Input> {
  readonly effect: 'job';
  /**
   * Whether the HTTP request is answered with `202` after the first failed attempt. Set it if the next attempt may come much
   * later. @defaultValue false: the request waits for the next attempts
   */
  readonly answersAfterFailure?: boolean;
  /** Returns the key of the job. A call joins an unfinished job with the same key and input, and fails if the inputs differ. */
  dedupeKey(input: z.output<Input>): string;
  /** Name that several operations share so that their jobs have common keys. @defaultValue the operation's own name */
  readonly dedupesWith?: string;
  /**
   * Checks the call and makes the first changes, in the transaction that queues the job. A dry run calls `begin` twice: once to
   * check the input before `run` asks other servers, and once in the transaction of the steps.
   * @throws MatrixError for the caller. No job is queued in this case.
   */
  begin(scope: WriteScope, input: z.output<Input>): Promise<void>;
  /** Does the work. The return value is a JSON object: the result of the job and of the call. */
  run(work: JobScope<Checkpoint>, input: z.output<Input>): Promise<Output>;
  /** Whether this process runs jobs of this operation. @defaultValue true */
  isServed?(services: OperationServices): boolean;
  /** Does a share of a job that another process leads. @defaultValue processes cannot share the work */
  assist?(services: OperationServices, ...run: Parameters<NonNullable<JobKind['assist']>>): Promise<void>;
  /** Removes unfinished work of a cancelled or failed job. @defaultValue does nothing */
  cleanUp?(services: OperationServices, job: Job): Promise<void>;
}

/** An operation of the admin API. HTTP and in-process calls use the same definition. */
export type Operation = ReadOperation | WriteOperation | JobOperation;

/**
 * The operations that a module exports, by name. The declarations of this type keep the doc comments of the operations. The
 * inferred type of an object of operations would lose them.
 */
export type OperationsIn<Module> = {
  readonly [Name in keyof Module as Module[Name] extends Operation ? Name : never]: Module[Name];
};

/** Defines a read or write operation. Infers its types. */
export function defineOperation<Input extends z.ZodType, Output>(
  operation: ReadOperation<Input, Output>,
): ReadOperation<Input, Output>;
export function defineOperation<Input extends z.ZodType, Output, Prepared>(
  operation: WriteOperation<Input, Output, Prepared>,
): WriteOperation<Input, Output, Prepared>;
export function defineOperation(operation: ReadOperation | WriteOperation): ReadOperation | WriteOperation {
  return operation;
}

/** Defines a job operation. Infers its types. The result hides the type of the checkpoints. */
export function defineJobOperation<
  Input extends z.ZodType<object>,
  Output extends object,
  Checkpoint extends object = object,
>(operation: JobOperation<Input, Output, Checkpoint>): JobOperation<Input, Output> {
  return operation;
}
