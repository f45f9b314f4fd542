import type { OperationsIn } from '../define-operation.ts';
import { largestRooms } from './largest-rooms.ts';
import { listMediaOfUsers } from './list-media-of-users.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type StatisticsOperations = OperationsIn<
  typeof import('./largest-rooms.ts') & typeof import('./list-media-of-users.ts')
>;

export const STATISTICS_OPERATIONS: StatisticsOperations = {
  listMediaOfUsers,
  largestRooms,
};
