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
import type { FileRemoval } from '../media/file-removal.ts';
import type { MediaStandings } from '../media/media.ts';
import type { Announce } from '../rooms/announce.ts';
import type { RoomWriter } from '../rooms/room-writer.ts';
import type { ServerNotices } from '../rooms/server-notices.ts';
import type { Reindex } from '../search/reindex-job.ts';
import type { RoomRemoval } from '../search/room-removal.ts';
import type { RemoveDocuments } from '../search/search.ts';
import type { SearchStatus } from '../search/search-parts.ts';
import type { Db } from '../storage/database.ts';
import type { SummaryKind } from '../storage/plugin/summary-states.ts';
import type { AfterCommit } from '../storage/transact.ts';
import type { Actor } from './actor.ts';
import type { AbandonedRoomPolicy } from './rooms/abandoned-rooms.ts';
import type { RetentionPolicy } from './rooms/retention.ts';

/** The limits that operations use. The host sets them as members of `options.limits`. @internal */
export interface OperationLimits {
  /** Maximum number of the host's database connections that each job uses at once. */
  readonly connections: number;
  /** Time limit for the answer of another homeserver, in ms. */
  readonly federationRequestMs: number;
}

/** On whose behalf an operation calls another operation. The audit shows this actor and this request id. */
interface OperationCaller {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Functions with which an operation calls other operations. @internal */
export interface OperationCalls {
  /** Checks an input without calling the operation. @throws ParameterError if the operation does not accept the input */
  readonly check: (operation: string, input: unknown) => void;
  /**
   * Runs an operation to its end, with all checks, hooks and audit entries. If an earlier call of the operation with the same
   * request id has succeeded, does nothing. If the earlier call has started a job, waits for this job.
   * @returns the Matrix error with which the operation failed; `undefined` if the operation succeeded
   * @throws all other errors, and the Matrix error with status 503, which means that the database is unavailable. If the signal
   * is aborted, the signal's reason is thrown.
   */
  readonly runOnce: (operation: string, input: unknown, caller: OperationCaller) => Promise<MatrixError | undefined>;
}

/** The services that all operations can use. @internal */
export interface OperationServices {
  readonly db: Knex;
  /** The homeserver's main server name. */
  readonly serverName: ServerName;
  /** The main server name and the server names of virtual hosts. */
  readonly localServerNames: readonly ServerName[];
  readonly roomWriter: RoomWriter;
  /** Sends server notices. `undefined` if server notices are off. */
  readonly serverNotices: ServerNotices | undefined;
  readonly hashPassword: HashPassword;
  /** Cache of what administrators have decided about accounts, for example that an account is locked. */
  readonly standings: StandingCache;
  /** Cache that knows which media are quarantined. */
  readonly mediaStandings: MediaStandings;
  /** Removes files of media. `undefined` if the host provides no store of media files. */
  readonly fileRemoval: FileRemoval | undefined;
  /** Cache of facts about lists of users that take long to read, such as the number of users. */
  readonly userTotals: UserTotals;
  /**
   * Tells whether the plugin's own summary table of rooms or of users is complete. If so, lists of rooms or users are read from
   * it.
   */
  readonly isSummarised: (kind: SummaryKind) => Promise<boolean>;
  /** Shared secret for registrations. `undefined` if registration by shared secret is off. */
  readonly sharedSecret: string | undefined;
  /** Whether people need a registration token to register on the homeserver. */
  readonly requiresToken: boolean;
  /** Whether administrators may log in as other users. */
  readonly allowLoginAs: boolean;
  readonly appservices: readonly Appservice[];
  /** Tells the host what a committed transaction has changed. */
  readonly announce: Announce;
  /**
   * Sends requests to other servers. `undefined` if the host has no federation sender. Never send a request inside a
   * transaction, because an answer may take long.
   */
  readonly federation: FederationSender | undefined;
  readonly signingKeys: readonly SigningKey[];
  readonly limits: OperationLimits;
  /** When and how rooms without local users are purged. `undefined` if they are never purged. */
  readonly purgeAbandoned: AbandonedRoomPolicy | undefined;
  /** How long events stay in rooms before a purge removes them. `undefined` if no history expires. */
  readonly retention: RetentionPolicy | undefined;
  /** Rebuilds the search index. `undefined` if search is off. */
  readonly reindex: Reindex | undefined;
  /** Reads the state of the search index. `undefined` if search is off. */
  readonly readSearchStatus: (() => Promise<SearchStatus>) | undefined;
  readonly roomRemoval: RoomRemoval;
  readonly removeDocuments: RemoveDocuments;
  readonly calls: OperationCalls;
  /** Makes this process look for jobs at once. */
  readonly wakeJobs: () => void;
}

/** What `run()` of a `ReadOperation` gets: the services, and who calls the operation. */
export interface ReadScope extends OperationServices {
  readonly actor: Actor;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** What `run()` of a `WriteOperation` gets. `begin()` of a `JobOperation` gets the same. @internal */
export interface WriteScope extends ReadScope {
  /** The transaction of the call. The audit entry is written in the same transaction. */
  readonly transaction: Knex.Transaction;
  /** Runs work after the transaction has committed. In a dry run, the work does not run. */
  readonly afterCommit: AfterCommit;
  /** The operation calls this function with the id of the job that it has started. The audit entry then contains the id. */
  readonly startedJob: (jobId: string) => void;
}

/**
 * What `run()` of a `JobOperation` gets. A job does its work in steps. Each step is a transaction that also stores a
 * checkpoint: the data with which another process can resume the job. `Checkpoint` is the type of this data.
 * @internal
 */
export interface JobScope<Checkpoint extends object = object> extends Omit<OperationServices, 'db'> {
  /**
   * Returns what reads outside of steps must use. For a job, this is the host's connection pool. For a dry run, this is the
   * pool before the first step, and afterwards the transaction that all steps share, because a second connection could block a
   * host with a small pool.
   */
  readonly reader: () => Db;
  /** The actor who started the job. */
  readonly actor: Actor;
  /** The checkpoint that the last step stored. `undefined` before the first step. */
  readonly checkpoint: Checkpoint | undefined;
  /** A list that the database stores for the job. It is for data that is too long for a checkpoint, such as processed users. */
  readonly items: JobItems;
  /** Aborted when the work must stop. The next call of `commit()` then throws. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Whether this is a dry run. The transaction of a dry run is rolled back at the end. So a dry run must do nothing that a
   * rollback cannot undo, such as requests that change something on other servers.
   */
  readonly dryRun: boolean;
  /**
   * Runs a step in its own transaction, which also stores the checkpoint that the step returns. In a dry run, all steps share
   * one transaction.
   */
  commit<T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, Checkpoint>>,
  ): Promise<T>;
  /**
   * Runs work in a transaction that stores no checkpoint. The work must be safe to repeat, because a resumed job continues from
   * the last checkpoint. Several transactions may run in parallel. In a dry run, all of the work shares one transaction.
   */
  readonly transact: <T>(work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<T>) => Promise<T>;
  /** What the job worker knows about the job, such as the job's id. `undefined` in a dry run, which has no job. */
  readonly jobRun: JobRun | undefined;
}

/**
 * Who may run an operation. The homeserver itself may run all operations. `admin`: server administrators. `self-or-admin`:
 * server administrators, and users (but not guests) if the operation's target is their own account. `open`: anybody, without an
 * access token. An `open` operation checks its caller in its own way, or reveals nothing that is secret.
 */
export type Access = 'admin' | 'self-or-admin' | 'open';

/** The members that all kinds of operations have. @internal */
export interface OperationBase<Input extends z.ZodType> {
  readonly access: Access;
  /** Schema of the input. Create it with `inputObject()`, so that editors show the doc comments of its fields. */
  readonly input: Input;
  /**
   * Replaces names in the input by ids after the validation, for example a room alias by the room's id. Hooks and the audit see
   * the input with the ids. @defaultValue the input stays as it is
   */
  resolve?(services: OperationServices, input: z.output<Input>): Promise<z.output<Input>>;
  /**
   * Returns the target of a call: the id of the room, user or other thing that the call is about. The audit entry contains the
   * target. If `access` is `self-or-admin`, the target is the id of the user who may call the operation without being an
   * administrator.
   */
  readonly target?: (input: z.output<Input>) => string | undefined;
  /**
   * Returns the operations whose work is a part of this operation's work. The host's before-hooks for these included operations
   * also run, and can refuse this operation. The same is true for operations that an included operation includes.
   */
  readonly includes?: (input: z.output<Input>) => readonly IncludedOperation[];
}

/** An operation that another operation includes. `operation` is its name, and `input` is its valid input. */
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
  /** Does slow work before the transaction begins. `run` gets the result as `prepared`. */
  prepare?(scope: ReadScope, input: z.output<Input>): Promise<Prepared>;
  run(scope: WriteScope, input: z.output<Input>, prepared: Prepared): Promise<Output>;
}

/**
 * An operation that may take long or need several transactions. A job does the work. Any process of the homeserver can resume
 * the job. A call in the homeserver's process waits until the job ends.
 * @internal
 */
export interface JobOperation<
  Input extends z.ZodType<object> = z.ZodType<object>,
  Output extends object = object,
  Checkpoint extends object = object,
> extends OperationBase<Input> {
  readonly effect: 'job';
  /**
   * Whether an HTTP request that waits for the job gets the answer `202` as soon as an attempt of the job fails. Set this
   * member to `true` if the next attempt may come much later. @defaultValue false: the request goes on waiting
   */
  readonly answersAfterFailure?: boolean;
  /**
   * Returns a key of the job. If an unfinished job has the same key and the same input, a call waits for that job. If an
   * unfinished job has the same key and another input, the call fails.
   */
  dedupeKey(input: z.output<Input>): string;
  /**
   * A name that several operations share. If their jobs have the same `dedupeKey()`, only one of these jobs can be unfinished
   * at a time.
   * @defaultValue the operation's own name
   */
  readonly dedupesWith?: string;
  /**
   * Checks the call and makes the first changes, in the transaction that queues the job. In a dry run, `begin` is called twice:
   * once to check the input before `run` sends requests to other servers, and once in the transaction of the steps.
   * @throws MatrixError for the caller. No job is queued in this case.
   */
  begin(scope: WriteScope, input: z.output<Input>): Promise<void>;
  /** Does the work. Returns the result of the job and of the call, which must be a JSON object. */
  run(work: JobScope<Checkpoint>, input: z.output<Input>): Promise<Output>;
  /** Whether this process can run jobs of this operation. @defaultValue true */
  isServed?(services: OperationServices): boolean;
  /** Does a share of the work of a job that another process runs. @defaultValue only one process works on a job */
  assist?(services: OperationServices, ...run: Parameters<NonNullable<JobKind['assist']>>): Promise<void>;
  /** Removes what a cancelled or failed job has left behind. @defaultValue does nothing */
  cleanUp?(services: OperationServices, job: Job): Promise<void>;
}

/** An operation of the admin API. HTTP calls and in-process calls use the same definition. */
export type Operation = ReadOperation | WriteOperation | JobOperation;

/**
 * The operations that a module exports, by name. This type keeps the doc comments of the operations, so that editors show them.
 * An inferred type would lose the comments.
 */
export type OperationsIn<Module> = {
  readonly [Name in keyof Module as Module[Name] extends Operation ? Name : never]: Module[Name];
};

/** Defines an operation that reads or writes. TypeScript infers its types. */
export function defineOperation<Input extends z.ZodType, Output>(
  operation: ReadOperation<Input, Output>,
): ReadOperation<Input, Output>;
export function defineOperation<Input extends z.ZodType, Output, Prepared>(
  operation: WriteOperation<Input, Output, Prepared>,
): WriteOperation<Input, Output, Prepared>;
export function defineOperation(operation: ReadOperation | WriteOperation): ReadOperation | WriteOperation {
  return operation;
}

/**
 * Defines an operation whose work is a job. TypeScript infers its types. The returned type hides the type of the checkpoints.
 */
export function defineJobOperation<
  Input extends z.ZodType<object>,
  Output extends object,
  Checkpoint extends object = object,
>(operation: JobOperation<Input, Output, Checkpoint>): JobOperation<Input, Output> {
  return operation;
}
