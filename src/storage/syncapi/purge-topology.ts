import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { type Deletion, deleteRows, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

const TOPOLOGY = 'public.syncapi_output_room_events_topology';
const [SMALLEST, LARGEST] = ['-9223372036854775808', '9223372036854775807'];

/**
 * Reads the next `limit` rows of the topology table, which has the rows of all rooms, and deletes those rows that belong to the
 * room. The table has no index on the room. For a large room, reading all rows is faster than looking up the row of each event
 * of the room. For a small room, reading all rows is slower.
 */
export async function deleteTopology(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  [depth = SMALLEST, id = SMALLEST]: Position,
  limit: number,
): Promise<Deletion> {
  const [last] = await rowsOf<{ depth: string; id: string }>(
    transaction.raw(
      `SELECT topological_position AS depth, stream_position AS id FROM ${TOPOLOGY}
       WHERE (topological_position, stream_position) > (:depth, :id)
       ORDER BY topological_position, stream_position OFFSET :skipped LIMIT 1`,
      { depth, id, skipped: limit - 1 },
    ),
  );
  const deleted = await deleteRows(
    transaction,
    TOPOLOGY,
    `room_id = :roomId AND (topological_position, stream_position) > (:depth, :id)
       AND (topological_position, stream_position) <= (:lastDepth, :lastId)`,
    { roomId, depth, id, lastDepth: last?.depth ?? LARGEST, lastId: last?.id ?? LARGEST },
  );
  return { deleted, next: last && [last.depth, last.id] };
}
