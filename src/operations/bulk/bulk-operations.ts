import type { OperationsIn } from '../define-operation.ts';
import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

/** The bulk operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
export type BulkOperations = OperationsIn<typeof import('./plan-bulk.ts') & typeof import('./run-bulk.ts')>;

export const BULK_OPERATIONS: BulkOperations = {
  planBulk,
  runBulk,
  getBulk,
};
