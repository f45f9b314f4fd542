import type { z } from 'zod';
import { BULK_OPERATIONS, type BulkOperations } from './bulk/bulk-operations.ts';
import type { Operation } from './define-operation.ts';
import { FEDERATION_OPERATIONS, type FederationOperations } from './federation/federation-operations.ts';
import { MEDIA_OPERATIONS, type MediaOperations } from './media/media-operations.ts';
import { MODERATION_OPERATIONS, type ModerationOperations } from './moderation/moderation-operations.ts';
import { NOTICE_OPERATIONS, type NoticeOperations } from './notices/notice-operations.ts';
import { REGISTRATION_OPERATIONS, type RegistrationOperations } from './registration/registration-operations.ts';
import { ROOM_OPERATIONS, type RoomOperations } from './rooms/room-operations.ts';
import { SEARCH_OPERATIONS, type SearchOperations } from './search/search-operations.ts';
import { SERVER_OPERATIONS, type ServerOperations } from './server/server-operations.ts';
import { STATISTICS_OPERATIONS, type StatisticsOperations } from './statistics/statistics-operations.ts';
import { USER_OPERATIONS, type UserOperations } from './users/user-operations.ts';

/** The type of `OPERATIONS`. */
export type Operations = RoomOperations &
  UserOperations &
  RegistrationOperations &
  ModerationOperations &
  FederationOperations &
  MediaOperations &
  NoticeOperations &
  SearchOperations &
  ServerOperations &
  StatisticsOperations &
  BulkOperations;

/** The definitions of all operations, by name. Hooks, audit entries and metrics use the same names. */
export const OPERATIONS: Operations = {
  ...ROOM_OPERATIONS,
  ...USER_OPERATIONS,
  ...REGISTRATION_OPERATIONS,
  ...MODERATION_OPERATIONS,
  ...FEDERATION_OPERATIONS,
  ...MEDIA_OPERATIONS,
  ...NOTICE_OPERATIONS,
  ...SEARCH_OPERATIONS,
  ...SERVER_OPERATIONS,
  ...STATISTICS_OPERATIONS,
  ...BULK_OPERATIONS,
};

/** The name of an operation, such as `purgeRoom`. */
export type OperationName = keyof Operations;
type Definition<Name extends OperationName> = Operations[Name];
/** The input that a caller passes to an operation. */
export type OperationInput<Name extends OperationName> = z.input<Definition<Name>['input']>;
/** The input after validation, with defaults filled in. Hooks get this input. */
export type ValidInput<Name extends OperationName> = z.output<Definition<Name>['input']>;
/**
 * The result of an operation. If the operation's input has the field `dryRun`, the result also has the field of `DryRunMark`.
 */
export type OperationOutput<Name extends OperationName> = Awaited<ReturnType<Definition<Name>['run']>> &
  (string extends keyof OperationInput<Name>
    ? unknown
    : 'dryRun' extends keyof OperationInput<Name>
      ? DryRunMark
      : unknown);

/** The field that the result of a dry run has in addition to the result of the operation. */
export interface DryRunMark {
  /** `true` if the call was a dry run, which has changed nothing. */
  readonly dryRun?: true;
}

/** Returns an operation by its name. The return type is the same for all operations. */
export function operationNamed(name: OperationName): Operation {
  return OPERATIONS[name];
}

/** The name of an operation whose work is a job. */
export type JobOperationName = {
  [Name in OperationName]: Definition<Name>['effect'] extends 'job' ? Name : never;
}[OperationName];

/** Tells whether an operation's work is a job. */
export const isDoneByJob = (name: OperationName): name is JobOperationName => operationNamed(name).effect === 'job';

/** The names of all operations whose work is a job. The kind of a job is the name of its operation. */
export const JOB_OPERATIONS: readonly JobOperationName[] = (Object.keys(OPERATIONS) as OperationName[]).filter(
  isDoneByJob,
);
