import type { Knex } from 'knex';
import type { EventId } from '../../src/ids.ts';

/** Reads the timeline of a room in the order of depths. `digest` is a digest of the event's JSON. */
export const timelineOf = (
  db: Knex,
  roomId: string,
): PromiseLike<{ event_id: EventId; type: string; digest: string }[]> =>
  db('syncapi_output_room_events AS e')
    .join('syncapi_output_room_events_topology AS t', 't.event_id', 'e.event_id')
    .where('e.room_id', roomId)
    .orderBy(['t.topological_position', 'e.id'])
    .select('e.event_id', 'e.type', db.raw('md5(e.headered_event_json) AS digest'));

/**
 * Reads everything that a purge of history must not change: the room's row, its current state, the states before its forward
 * extremities, its members, and its servers.
 */
export async function restOf(db: Knex, roomId: string): Promise<string> {
  const room = await db('roomserver_rooms').where({ room_id: roomId }).first();
  const extremities = await db('roomserver_events').whereIn('event_nid', room.latest_event_nids).orderBy('event_nid');
  const { rows: states } = await db.raw(
    `SELECT DISTINCT ON (s.state_snapshot_nid, e.event_type_nid, e.event_state_key_nid)
       s.state_snapshot_nid, e.event_nid, e.event_id, e.depth, e.auth_event_nids, j.event_json
     FROM roomserver_state_snapshots s CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS l(block_nid, position)
     JOIN roomserver_state_block b ON b.state_block_nid = l.block_nid CROSS JOIN unnest(b.event_nids) AS n(event_nid)
     JOIN roomserver_events e ON e.event_nid = n.event_nid JOIN roomserver_event_json j ON j.event_nid = e.event_nid
     WHERE s.state_snapshot_nid = ANY(?)
     ORDER BY s.state_snapshot_nid, e.event_type_nid, e.event_state_key_nid, l.position DESC`,
    [[room.state_snapshot_nid, ...extremities.map((event) => event.state_snapshot_nid)]],
  );
  const byRoom = (table: string): Promise<unknown[]> => db(table).where({ room_id: roomId }).orderBy('event_id');
  return JSON.stringify([
    room,
    extremities,
    states,
    await db('roomserver_membership').where({ room_nid: room.room_nid }).orderBy('target_nid'),
    await byRoom('syncapi_current_room_state'),
    await byRoom('syncapi_memberships'),
    await byRoom('federationsender_joined_hosts'),
  ]);
}

/**
 * Lists events that are missing from the database although the state at an event of the timeline, or an auth event, refers to
 * them.
 */
export async function missingAuthEvents(db: Knex): Promise<unknown[]> {
  const { rows } = await db.raw(
    `SELECT e.event_id FROM roomserver_events e CROSS JOIN unnest(e.auth_event_nids) AS a(nid)
     WHERE NOT EXISTS (SELECT FROM roomserver_events x WHERE x.event_nid = a.nid)`,
  );
  return rows;
}
