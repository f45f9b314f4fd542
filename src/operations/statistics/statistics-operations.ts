import { largestRooms } from './largest-rooms.ts';
import { listMediaOfUsers } from './list-media-of-users.ts';

export const STATISTICS_OPERATIONS = {
  listMediaOfUsers,
  largestRooms,
};
