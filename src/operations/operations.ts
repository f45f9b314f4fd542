import type { z } from 'zod';
import { BULK_OPERATIONS } from './bulk/bulk-operations.ts';
import type { Operation } from './define-operation.ts';
import { FEDERATION_OPERATIONS } from './federation/federation-operations.ts';
import { MODERATION_OPERATIONS } from './moderation/moderation-operations.ts';
import { NOTICE_OPERATIONS } from './notices/notice-operations.ts';
import { REGISTRATION_OPERATIONS } from './registration/registration-operations.ts';
import { ROOM_OPERATIONS } from './rooms/room-operations.ts';
import { SEARCH_OPERATIONS } from './search/search-operations.ts';
import { SERVER_OPERATIONS } from './server/server-operations.ts';
import { STATISTICS_OPERATIONS } from './statistics/statistics-operations.ts';
import { USER_OPERATIONS } from './users/user-operations.ts';

/** Every operation by name. Hooks, audit entries and metrics use the same name. */
export const OPERATIONS = {
  ...ROOM_OPERATIONS,
  ...USER_OPERATIONS,
  ...REGISTRATION_OPERATIONS,
  ...MODERATION_OPERATIONS,
  ...FEDERATION_OPERATIONS,
  ...NOTICE_OPERATIONS,
  ...SEARCH_OPERATIONS,
  ...SERVER_OPERATIONS,
  ...STATISTICS_OPERATIONS,
  ...BULK_OPERATIONS,
};

export type OperationName = keyof typeof OPERATIONS;
type Definition<Name extends OperationName> = (typeof OPERATIONS)[Name];
/** What a caller passes. */
export type OperationInput<Name extends OperationName> = z.input<Definition<Name>['input']>;
/** The validated input with defaults filled in, as hooks see it. */
export type ValidInput<Name extends OperationName> = z.output<Definition<Name>['input']>;
export type OperationOutput<Name extends OperationName> = Awaited<ReturnType<Definition<Name>['run']>>;

/** An operation by name, as its common type. */
export function operationNamed(name: OperationName): Operation {
  return OPERATIONS[name];
}

/** Names of the operations that are done by jobs. */
export type JobOperationName = {
  [Name in OperationName]: Definition<Name>['effect'] extends 'job' ? Name : never;
}[OperationName];

/** Whether an operation is done by a job. */
export const isDoneByJob = (name: OperationName): name is JobOperationName => operationNamed(name).effect === 'job';

/** Operations that are done by jobs of their name. */
export const JOB_OPERATIONS: readonly JobOperationName[] = (Object.keys(OPERATIONS) as OperationName[]).filter(
  isDoneByJob,
);
