import type { OperationsIn } from '../define-operation.ts';
import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type BulkOperations = OperationsIn<typeof import('./plan-bulk.ts') & typeof import('./run-bulk.ts')>;

export const BULK_OPERATIONS: BulkOperations = {
  planBulk,
  runBulk,
  getBulk,
};
