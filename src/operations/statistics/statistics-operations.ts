import type { OperationsIn } from '../define-operation.ts';
import { largestRooms } from './largest-rooms.ts';
import { listMediaOfUsers } from './list-media-of-users.ts';

/** Their types are those of the files, so that an editor shows the doc comments there. */
export type StatisticsOperations = OperationsIn<
  typeof import('./largest-rooms.ts') & typeof import('./list-media-of-users.ts')
>;

export const STATISTICS_OPERATIONS: StatisticsOperations = {
  listMediaOfUsers,
  largestRooms,
};
