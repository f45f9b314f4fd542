/** Purges a room of 100,000 events and one of 1,000,000. Baseline: the same deletions, one SQL statement for each table. */
import { LARGE_ROOM, PURE_SQL } from './large-room.ts';
import { benchLargeRoomPurge } from './large-room-purge.ts';

const SIZES = (process.env.BENCH_SIZES ?? '100000,1000000').split(',').map(Number);

await benchLargeRoomPurge('purge', SIZES, {
  name: 'purgeRoom',
  purge: ({ operations }) => operations.purgeRoom({ roomId: LARGE_ROOM }, { actor: { kind: 'system', name: 'bench' } }),
  pureSql: () => PURE_SQL,
});
