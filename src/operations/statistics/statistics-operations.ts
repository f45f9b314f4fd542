import type { OperationsIn } from '../define-operation.ts';
import { largestRooms } from './largest-rooms.ts';
import { listMediaOfUsers } from './list-media-of-users.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type StatisticsOperations = OperationsIn<
  typeof import('./largest-rooms.ts') & typeof import('./list-media-of-users.ts')
>;

export const STATISTICS_OPERATIONS: StatisticsOperations = {
  listMediaOfUsers,
  largestRooms,
};
