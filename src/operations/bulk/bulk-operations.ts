import type { OperationsIn } from '../define-operation.ts';
import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

/**
 * The bulk operations, by name. The type is derived from the files that define the operations, so that editors show the doc
 * comment of each operation.
 */
export type BulkOperations = OperationsIn<typeof import('./plan-bulk.ts') & typeof import('./run-bulk.ts')>;

export const BULK_OPERATIONS: BulkOperations = {
  planBulk,
  runBulk,
  getBulk,
};
