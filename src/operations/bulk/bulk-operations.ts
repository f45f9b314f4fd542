import type { OperationsIn } from '../define-operation.ts';
import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

/** Their types are those of the files, so that an editor shows the doc comments there. */
export type BulkOperations = OperationsIn<typeof import('./plan-bulk.ts') & typeof import('./run-bulk.ts')>;

export const BULK_OPERATIONS: BulkOperations = {
  planBulk,
  runBulk,
  getBulk,
};
