import type { OperationsIn } from '../define-operation.ts';
import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type BulkOperations = OperationsIn<typeof import('./plan-bulk.ts') & typeof import('./run-bulk.ts')>;

export const BULK_OPERATIONS: BulkOperations = {
  planBulk,
  runBulk,
  getBulk,
};
