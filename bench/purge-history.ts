/**
 * Purges the history of a room with 200,000 events, except the last thousand events. Baseline: SQL statements that delete the
 * same rows, one statement for each table, in one transaction. This is how an administrator would write such a purge by hand, and
 * is faster than the same deletions in batches. It locks the rows of the room until its end, so a homeserver could not run it.
 */
import type { Knex } from 'knex';
import { LARGE_ROOM } from './large-room.ts';
import { benchLargeRoomPurge } from './large-room-purge.ts';

const SIZES = (process.env.BENCH_SIZES ?? '200000').split(',').map(Number);
const KEPT = 1_000;

/** Makes the last event of the room its forward extremity. */
async function prepare(db: Knex): Promise<void> {
  await db.raw(
    `UPDATE roomserver_rooms r SET latest_event_nids = ARRAY[l.nid], last_event_sent_nid = l.nid, state_snapshot_nid = l.snapshot
     FROM (SELECT max(event_nid) AS nid, max(state_snapshot_nid) AS snapshot FROM roomserver_events WHERE room_nid = 1) l
     WHERE r.room_nid = 1`,
  );
}

const FIRST_KEPT = `(SELECT event_nid FROM roomserver_events WHERE room_nid = 1 ORDER BY event_nid DESC OFFSET ${KEPT} LIMIT 1)`;
const FIRST_SNAPSHOT = `(SELECT min(state_snapshot_nid) FROM roomserver_events WHERE room_nid = 1 AND event_nid >= ${FIRST_KEPT})`;
const FIRST_BLOCK = `(SELECT min(b) FROM roomserver_state_snapshots, unnest(state_block_nids) AS b
  WHERE room_nid = 1 AND state_snapshot_nid >= ${FIRST_SNAPSHOT})`;
const GONE = `room_nid = 1 AND event_nid < ${FIRST_KEPT}`;
const IDS = `(SELECT event_id FROM roomserver_events WHERE ${GONE})`;
/** State events that the state blocks and the auth chains of the remaining events need. They stay stored. */
const NEEDED = `event_state_key_nid <> 0 AND event_nid IN (
  SELECT unnest(event_nids) FROM roomserver_state_block
  UNION ALL SELECT unnest(auth_event_nids) FROM roomserver_events WHERE room_nid = 1 AND event_nid >= ${FIRST_KEPT})`;

await benchLargeRoomPurge('history', SIZES, {
  name: 'purgeHistory',
  turns: 3,
  prepare,
  purge: async ({ operations }, db) => {
    const { rows } = await db.raw(`SELECT event_id FROM roomserver_events WHERE event_nid = ${FIRST_KEPT}`);
    const input = { roomId: LARGE_ROOM, eventId: String(rows[0].event_id), deleteLocalEvents: true };
    return operations.purgeHistory(input, { actor: { kind: 'system', name: 'bench' } });
  },
  pureSql: () => [
    `DELETE FROM matrix_admin.search_documents WHERE event_id IN ${IDS}`,
    `DELETE FROM syncapi_relations WHERE room_id = '${LARGE_ROOM}' AND event_id IN ${IDS}`,
    `DELETE FROM syncapi_output_room_events_topology WHERE event_id IN ${IDS}`,
    `DELETE FROM syncapi_output_room_events WHERE event_id IN ${IDS}`,
    `INSERT INTO syncapi_backward_extremities (room_id, event_id, prev_event_id)
     SELECT '${LARGE_ROOM}', e.event_id, p.previous_event_id FROM roomserver_events e
     JOIN roomserver_previous_events p ON p.event_nids = ARRAY[e.event_nid] WHERE e.event_nid = ${FIRST_KEPT}`,
    `DELETE FROM roomserver_previous_events WHERE previous_event_id IN ${IDS} AND event_nids <> ARRAY[${FIRST_KEPT}]`,
    `DELETE FROM roomserver_redactions WHERE redaction_event_id IN ${IDS} OR redacts_event_id IN ${IDS}`,
    `DELETE FROM roomserver_state_block WHERE state_block_nid < ${FIRST_BLOCK} AND state_block_nid IN
       (SELECT unnest(state_block_nids) FROM roomserver_state_snapshots WHERE room_nid = 1)`,
    `DELETE FROM roomserver_state_snapshots WHERE room_nid = 1 AND state_snapshot_nid < ${FIRST_SNAPSHOT}`,
    `UPDATE roomserver_events SET sent_to_output = false, state_snapshot_nid = 0 WHERE ${GONE} AND ${NEEDED}`,
    `DELETE FROM roomserver_event_json WHERE event_nid IN (SELECT event_nid FROM roomserver_events WHERE ${GONE} AND sent_to_output)`,
    `DELETE FROM roomserver_events WHERE ${GONE} AND sent_to_output`,
  ],
});
