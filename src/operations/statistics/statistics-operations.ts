import type { OperationsIn } from '../define-operation.ts';
import { largestRooms } from './largest-rooms.ts';
import { listMediaOfUsers } from './list-media-of-users.ts';

/**
 * The statistics operations, by name. The type is derived from the files that define the operations, so that editors show the
 * doc comment of each operation.
 */
export type StatisticsOperations = OperationsIn<
  typeof import('./largest-rooms.ts') & typeof import('./list-media-of-users.ts')
>;

export const STATISTICS_OPERATIONS: StatisticsOperations = {
  listMediaOfUsers,
  largestRooms,
};
