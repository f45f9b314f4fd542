import { planBulk } from './plan-bulk.ts';
import { getBulk, runBulk } from './run-bulk.ts';

export const BULK_OPERATIONS = {
  planBulk,
  runBulk,
  getBulk,
};
