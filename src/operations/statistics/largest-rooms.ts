import { findStatisticsTime, listLargestRooms, type RoomSize } from '../../storage/largest-rooms.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Number of rooms in the answer, as in Synapse. */
const ROOMS = 10;

/** The largest rooms, with estimates of their sizes. */
export interface LargestRooms {
  readonly rooms: readonly RoomSize[];
  /**
   * When PostgreSQL collected the statistics from which the estimates are made, in ms since the epoch. `null` if PostgreSQL has
   * not collected statistics yet.
   */
  readonly estimatedTs: number | null;
}

/**
 * Lists the ten rooms that take the most space in the database, without media. The sizes are estimates from the statistics of
 * PostgreSQL's planner, so a call reads no events. Synapse's route is `GET /_synapse/admin/v1/statistics/database/rooms`.
 */
export const largestRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({}),
  run: async ({ db }): Promise<LargestRooms> => ({
    rooms: await listLargestRooms(db, ROOMS),
    estimatedTs: await findStatisticsTime(db),
  }),
});
