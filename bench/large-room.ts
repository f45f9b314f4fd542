import type { Knex } from 'knex';

export const LARGE_ROOM = '!large:localhost';
const SERVER = 'localhost';

/** One of this many events is a state event, and creates a state snapshot. */
const STATE_EVERY = 100;
/** One of this many events belongs to a second room. So the rows of the two rooms are mixed, as on a real homeserver. */
const NEIGHBOUR_EVERY = 5;
const JSON_PADDING = 500;

/**
 * Fills Dendrite's tables with a room of `events` events. A second room has a quarter as many events, between those of the
 * first. As in Dendrite, each event follows the one before it, both components store the events' JSON, each state block has one
 * event, and an event's place has the stream position of the event. The tables have the events in the order of their arrival.
 */
export async function fillLargeRoom(db: Knex, events: number): Promise<void> {
  const all = Math.ceil((events * NEIGHBOUR_EVERY) / (NEIGHBOUR_EVERY - 1));
  await db.raw(`INSERT INTO roomserver_rooms (room_nid, room_id, room_version) VALUES (1, ?, '10'), (2, ?, '10')`, [
    LARGE_ROOM,
    `!neighbour:${SERVER}`,
  ]);
  await db.raw(
    `CREATE TABLE bench_events AS
     SELECT nid, room_nid, previous_nid, state_no * 2 + room_nid AS state_nid, nid % :state = first_nid AS is_state,
       state_no, CASE WHEN room_nid = 2 THEN '!neighbour:localhost' ELSE :room END AS room_id,
       '$' || replace(replace(rtrim(encode(sha256(nid::text::bytea), 'base64'), '='), '+', '-'), '/', '_') AS event_id
     FROM (
       SELECT n AS nid, CASE WHEN n % :neighbour = 0 THEN 2 ELSE 1 END AS room_nid,
         CASE n % :neighbour WHEN 0 THEN n - :neighbour WHEN 1 THEN n - 2 ELSE n - 1 END AS previous_nid,
         CASE WHEN n % :neighbour = 0 THEN :neighbour ELSE 1 END AS first_nid,
         (n - CASE WHEN n % :neighbour = 0 THEN :neighbour ELSE 1 END) / :state AS state_no
       FROM generate_series(1, CAST(:all AS int)) AS n) AS numbered`,
    { neighbour: NEIGHBOUR_EVERY, state: STATE_EVERY, room: LARGE_ROOM, all },
  );
  await db.raw('CREATE UNIQUE INDEX ON bench_events (nid)');
  await db.raw('ANALYZE bench_events');
  const json = `'{"auth_events":["$a","$b","$c"],"content":{"body":"event ' || e.nid || ' of many words '
    || repeat(md5(e.nid::text) || ' ', ${Math.ceil(JSON_PADDING / 33)}) || '","msgtype":"m.text"},"depth":' || e.nid
    || ',"hashes":{"sha256":"x"},"origin_server_ts":1700000000000,"prev_events":["' || coalesce(p.event_id, '$none')
    || '"],"room_id":"' || e.room_id || '","sender":"@user:localhost","signatures":{"localhost":{"ed25519:a":"x"}},'
    || '"type":"m.room.message"}'`;
  const statements = [
    `INSERT INTO roomserver_events (event_nid, room_nid, event_type_nid, event_state_key_nid, sent_to_output,
       state_snapshot_nid, depth, event_id, auth_event_nids)
     SELECT nid, room_nid, CASE WHEN is_state THEN 5 ELSE 65536 END, CASE WHEN is_state THEN 65536 ELSE 0 END, true,
       state_nid, nid, event_id, CASE room_nid WHEN 1 THEN '{1,2,3}'::bigint[] ELSE '{5,10,15}' END FROM bench_events`,
    `INSERT INTO roomserver_event_json
     SELECT e.nid, ${json} FROM bench_events e LEFT JOIN bench_events p ON p.nid = e.previous_nid ORDER BY e.nid`,
    `INSERT INTO roomserver_previous_events
     SELECT p.event_id, ARRAY[e.nid] FROM bench_events e JOIN bench_events p ON p.nid = e.previous_nid`,
    `INSERT INTO roomserver_state_block (state_block_nid, state_block_hash, event_nids)
     SELECT state_nid, sha256(state_nid::text::bytea), ARRAY[nid] FROM bench_events WHERE is_state`,
    `INSERT INTO roomserver_state_snapshots (state_snapshot_nid, state_snapshot_hash, room_nid, state_block_nids)
     SELECT state_nid, sha256(state_nid::text::bytea), room_nid,
       ARRAY(SELECT 2 * n + room_nid FROM generate_series(state_no - state_no % 60, state_no) AS n) FROM bench_events WHERE is_state`,
    `INSERT INTO syncapi_output_room_events (id, event_id, room_id, headered_event_json, type, sender, contains_url)
     SELECT e.nid, e.event_id, e.room_id, ${json}, 'm.room.message', '@user:localhost', false
     FROM bench_events e LEFT JOIN bench_events p ON p.nid = e.previous_nid ORDER BY e.nid`,
    `INSERT INTO syncapi_output_room_events_topology
     SELECT event_id, nid, nid, room_id FROM bench_events`,
    `INSERT INTO syncapi_relations (room_id, event_id, child_event_id, child_event_type, rel_type)
     SELECT e.room_id, p.event_id, e.event_id, 'm.reaction', 'm.annotation'
     FROM bench_events e JOIN bench_events p ON p.nid = e.previous_nid WHERE e.nid % 10 = 1`,
    `INSERT INTO matrix_admin.search_documents
     SELECT event_id, room_id, '@user:localhost', nid, 'content.body', 'event ' || nid, to_tsvector('simple', 'event ' || nid)
     FROM bench_events`,
    'DROP TABLE bench_events',
  ];
  for (const statement of statements) await db.raw(statement);
  await db.raw('VACUUM (ANALYZE)');
}

/** SQL statements that delete the same rows as a purge of the large room, one statement for each table. */
export const PURE_SQL: readonly string[] = [
  `DELETE FROM roomserver_state_block WHERE state_block_nid IN
     (SELECT unnest(state_block_nids) FROM roomserver_state_snapshots WHERE room_nid = 1)`,
  'DELETE FROM roomserver_state_snapshots WHERE room_nid = 1',
  `DELETE FROM roomserver_previous_events WHERE previous_event_id IN
     (SELECT event_id FROM roomserver_events WHERE room_nid = 1)`,
  'DELETE FROM roomserver_event_json WHERE event_nid IN (SELECT event_nid FROM roomserver_events WHERE room_nid = 1)',
  `DELETE FROM roomserver_redactions WHERE redaction_event_id IN
     (SELECT event_id FROM roomserver_events WHERE room_nid = 1)
     OR redacts_event_id IN (SELECT event_id FROM roomserver_events WHERE room_nid = 1)`,
  'DELETE FROM roomserver_events WHERE room_nid = 1',
  `DELETE FROM syncapi_output_room_events WHERE room_id = '${LARGE_ROOM}'`,
  `DELETE FROM syncapi_output_room_events_topology WHERE room_id = '${LARGE_ROOM}'`,
  `DELETE FROM syncapi_relations WHERE room_id = '${LARGE_ROOM}'`,
  `DELETE FROM matrix_admin.search_documents WHERE room_id = '${LARGE_ROOM}'`,
  'DELETE FROM roomserver_rooms WHERE room_nid = 1',
];
