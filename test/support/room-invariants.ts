import { blake2b } from '@noble/hashes/blake2.js';
import type { Knex } from 'knex';
import { brokenEvents } from './event-invariants.ts';

/** SQL for the current state of every room, from the roomserver's snapshots. */
const STATE = `SELECT DISTINCT ON (r.room_nid, e.event_type_nid, e.event_state_key_nid)
    r.room_nid, r.room_id, e.event_type_nid, e.event_state_key_nid, e.event_nid, e.event_id, j.event_json::json AS event
  FROM roomserver_rooms r
  JOIN roomserver_state_snapshots s ON s.state_snapshot_nid = r.state_snapshot_nid
  CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS l(block_nid, position)
  JOIN roomserver_state_block b ON b.state_block_nid = l.block_nid
  CROSS JOIN unnest(b.event_nids) AS n(event_nid)
  JOIN roomserver_events e ON e.event_nid = n.event_nid
  JOIN roomserver_event_json j ON j.event_nid = e.event_nid
  ORDER BY r.room_nid, e.event_type_nid, e.event_state_key_nid, l.position DESC`;

/** SQL for contradictions in a homeserver's database. Each query returns one column `what`. */
const WRONG: Readonly<Record<string, string>> = {
  'an extremity that is followed': `SELECT e.event_id AS what FROM roomserver_rooms r
    CROSS JOIN unnest(r.latest_event_nids) AS l(nid) JOIN roomserver_events e ON e.event_nid = l.nid
    JOIN roomserver_previous_events p ON p.previous_event_id = e.event_id
    JOIN roomserver_events f ON f.event_nid = ANY(p.event_nids) AND f.sent_to_output AND NOT f.is_rejected`,
  'an event that nothing follows and that is no extremity': `SELECT e.event_id AS what FROM roomserver_events e
    JOIN roomserver_rooms r ON r.room_nid = e.room_nid
    WHERE e.sent_to_output AND NOT e.is_rejected AND e.event_nid <> ALL(r.latest_event_nids) AND r.latest_event_nids <> '{}'
      AND NOT EXISTS (SELECT FROM roomserver_previous_events p WHERE p.previous_event_id = e.event_id)`,
  'an extremity that does not exist': `SELECT r.room_id AS what FROM roomserver_rooms r
    CROSS JOIN unnest(r.latest_event_nids) AS l(nid)
    WHERE NOT EXISTS (SELECT FROM roomserver_events e WHERE e.event_nid = l.nid AND e.room_nid = r.room_nid)`,
  'state that /sync does not have': `SELECT s.event_id AS what FROM (${STATE}) s
    WHERE NOT EXISTS (SELECT FROM syncapi_current_room_state c WHERE c.event_id = s.event_id AND c.room_id = s.room_id)`,
  'state that only /sync has': `SELECT c.event_id AS what FROM syncapi_current_room_state c
    WHERE NOT EXISTS (SELECT FROM (${STATE}) s WHERE c.event_id = s.event_id AND c.room_id = s.room_id)`,
  'a membership that is not the state': `SELECT s.event_id AS what FROM (${STATE}) s
    LEFT JOIN roomserver_membership m ON m.room_nid = s.room_nid AND m.target_nid = s.event_state_key_nid
    WHERE s.event_type_nid = 5 AND (m.event_nid IS DISTINCT FROM s.event_nid OR m.membership_nid <>
      CASE s.event->'content'->>'membership' WHEN 'join' THEN 3 WHEN 'invite' THEN 2 WHEN 'knock' THEN 4 ELSE 1 END)`,
  'a newest membership of /sync that is not the state': `SELECT s.event_id AS what FROM (${STATE}) s
    WHERE s.event_type_nid = 5 AND s.event_id IS DISTINCT FROM (SELECT m.event_id FROM syncapi_memberships m
      WHERE m.room_id = s.room_id AND m.user_id = s.event->>'state_key' ORDER BY m.stream_pos DESC LIMIT 1)`,
  'a joined host that is not joined': `SELECT h.event_id AS what FROM federationsender_joined_hosts h
    WHERE NOT EXISTS (SELECT FROM (${STATE}) s WHERE s.event_id = h.event_id AND s.room_id = h.room_id
      AND s.event->'content'->>'membership' = 'join')`,
  'a joined user whose host is not': `SELECT s.event_id AS what FROM (${STATE}) s
    WHERE s.event_type_nid = 5 AND s.event->'content'->>'membership' = 'join'
      AND NOT EXISTS (SELECT FROM federationsender_joined_hosts h WHERE h.event_id = s.event_id)`,
  'a pending invite of somebody who is not invited': `SELECT i.invite_event_id AS what FROM roomserver_invites i
    WHERE NOT i.retired AND NOT EXISTS (SELECT FROM roomserver_membership m
      WHERE m.room_nid = i.room_nid AND m.target_nid = i.target_nid AND m.membership_nid = 2)`,
  'an invite that /sync shows and that is retired': `SELECT i.event_id AS what FROM syncapi_invite_events i
    JOIN roomserver_invites r ON r.invite_event_id = i.event_id WHERE r.retired AND NOT i.deleted`,
  'an event without JSON': `SELECT e.event_id AS what FROM roomserver_events e
    WHERE NOT EXISTS (SELECT FROM roomserver_event_json j WHERE j.event_nid = e.event_nid)`,
  'an event without its state before': `SELECT e.event_id AS what FROM roomserver_events e
    WHERE e.sent_to_output AND NOT EXISTS
      (SELECT FROM roomserver_state_snapshots s WHERE s.state_snapshot_nid = e.state_snapshot_nid)`,
  'an event that /sync does not have': `SELECT e.event_id AS what FROM roomserver_events e
    JOIN roomserver_rooms r ON r.room_nid = e.room_nid
    WHERE e.sent_to_output AND NOT e.is_rejected AND r.latest_event_nids <> '{}'
      AND NOT EXISTS (SELECT FROM syncapi_output_room_events o WHERE o.event_id = e.event_id)`,
  'an event of /sync without a place': `SELECT o.event_id AS what FROM syncapi_output_room_events o WHERE NOT EXISTS
    (SELECT FROM syncapi_output_room_events_topology t WHERE t.event_id = o.event_id AND t.stream_position = o.id)`,
  'a place of no event': `SELECT t.event_id AS what FROM syncapi_output_room_events_topology t
    WHERE NOT EXISTS (SELECT FROM syncapi_output_room_events o WHERE o.event_id = t.event_id)`,
  'an event of no room': `SELECT e.event_id AS what FROM roomserver_events e
    WHERE NOT EXISTS (SELECT FROM roomserver_rooms r WHERE r.room_nid = e.room_nid)`,
  'JSON of no event': `SELECT j.event_nid::text AS what FROM roomserver_event_json j
    WHERE NOT EXISTS (SELECT FROM roomserver_events e WHERE e.event_nid = j.event_nid)`,
  'a follower that does not exist': `SELECT p.previous_event_id AS what FROM roomserver_previous_events p
    CROSS JOIN unnest(p.event_nids) AS n(nid) WHERE NOT EXISTS (SELECT FROM roomserver_events e WHERE e.event_nid = n.nid)`,
  'a membership of no room': `SELECT m.room_nid::text AS what FROM roomserver_membership m
    WHERE NOT EXISTS (SELECT FROM roomserver_rooms r WHERE r.room_nid = m.room_nid)`,
  'an invite of no room': `SELECT i.invite_event_id AS what FROM roomserver_invites i
    WHERE NOT EXISTS (SELECT FROM roomserver_rooms r WHERE r.room_nid = i.room_nid)`,
  'a member without a member event': `SELECT k.event_state_key AS what FROM roomserver_membership m
    JOIN roomserver_rooms r ON r.room_nid = m.room_nid AND r.latest_event_nids <> '{}'
    JOIN roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
    WHERE NOT EXISTS (SELECT FROM (${STATE}) s WHERE s.room_nid = m.room_nid AND s.event_nid = m.event_nid)`,
  'a membership of /sync without its event': `SELECT m.event_id AS what FROM syncapi_memberships m
    WHERE NOT EXISTS (SELECT FROM roomserver_events e WHERE e.event_id = m.event_id)`,
  'a relation of an event that does not exist': `SELECT l.child_event_id AS what FROM syncapi_relations l
    WHERE NOT EXISTS (SELECT FROM syncapi_output_room_events o WHERE o.event_id = l.child_event_id)`,
  'a gap before an event that does not exist': `SELECT b.event_id AS what FROM syncapi_backward_extremities b
    WHERE NOT EXISTS (SELECT FROM syncapi_output_room_events o WHERE o.event_id = b.event_id)`,
  'an event that was redacted, and is not': `SELECT d.redacts_event_id AS what FROM roomserver_redactions d
    JOIN roomserver_events e ON e.event_id = d.redacts_event_id
    JOIN roomserver_event_json j ON j.event_nid = e.event_nid
    JOIN syncapi_output_room_events o ON o.event_id = e.event_id
    WHERE d.validated AND (strpos(j.event_json, 'redacted_because') = 0 OR strpos(o.headered_event_json, 'redacted_because') = 0)`,
  'a snapshot of no room': `SELECT s.state_snapshot_nid::text AS what FROM roomserver_state_snapshots s
    WHERE NOT EXISTS (SELECT FROM roomserver_rooms r WHERE r.room_nid = s.room_nid)`,
  'a snapshot with a block that does not exist': `SELECT s.state_snapshot_nid::text AS what
    FROM roomserver_state_snapshots s CROSS JOIN unnest(s.state_block_nids) AS b(nid)
    WHERE NOT EXISTS (SELECT FROM roomserver_state_block k WHERE k.state_block_nid = b.nid)`,
  'a block with an event that does not exist': `SELECT b.state_block_nid::text AS what FROM roomserver_state_block b
    CROSS JOIN unnest(b.event_nids) AS n(nid) WHERE NOT EXISTS (SELECT FROM roomserver_events e WHERE e.event_nid = n.nid)`,
  'a queued event without JSON': `SELECT q.server_name AS what FROM federationsender_queue_pdus q
    WHERE NOT EXISTS (SELECT FROM federationsender_queue_json j WHERE j.json_nid = q.json_nid)`,
  'a queued event that is not stored': `SELECT j.json_body AS what FROM federationsender_queue_json j
    WHERE EXISTS (SELECT FROM federationsender_queue_pdus q WHERE q.json_nid = j.json_nid)
      AND j.json_body::json->>'_event_id' NOT IN (SELECT event_id FROM roomserver_events)`,
  'a summary that is not the room': `SELECT s.room_id AS what FROM matrix_admin.room_summaries s
    LEFT JOIN roomserver_rooms r ON r.room_nid = s.room_nid AND r.latest_event_nids <> '{}'
      AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)
    WHERE r.room_id IS DISTINCT FROM s.room_id
      OR s.joined_members <> (SELECT count(*) FROM roomserver_membership m WHERE m.room_nid = s.room_nid AND m.membership_nid = 3)
      OR s.state_events <> (SELECT count(*) FROM syncapi_current_room_state c WHERE c.room_id = s.room_id)
      OR s.name IS DISTINCT FROM (SELECT nullif(c.headered_event_json::json->'content'->>'name', '')
        FROM syncapi_current_room_state c WHERE c.room_id = s.room_id AND c.type = 'm.room.name' AND c.state_key = '')
      OR s.join_rules IS DISTINCT FROM (SELECT c.headered_event_json::json->'content'->>'join_rule'
        FROM syncapi_current_room_state c WHERE c.room_id = s.room_id AND c.type = 'm.room.join_rules' AND c.state_key = '')`,
  'queued JSON for nobody': `SELECT j.json_nid::text AS what FROM federationsender_queue_json j
    WHERE NOT EXISTS (SELECT FROM federationsender_queue_pdus q WHERE q.json_nid = j.json_nid)
      AND NOT EXISTS (SELECT FROM federationsender_queue_edus q WHERE q.json_nid = j.json_nid)`,
};

const HASHED = [
  ['roomserver_state_block', 'state_block_hash', 'event_nids'],
  ['roomserver_state_snapshots', 'state_snapshot_hash', 'state_block_nids'],
] as const;

/** Returns the hash under which Dendrite stores a list of NIDs. */
export function hashOfNids(nids: readonly string[]): Buffer {
  const json = nids.length === 0 ? 'null' : `[${nids.join(',')}]`;
  return Buffer.from(blake2b(Buffer.from(json), { dkLen: 32 }));
}

/** Finds all contradictions in the whole database, each as `what is wrong: where`. */
export async function brokenInvariants(db: Knex): Promise<string[]> {
  const broken: string[] = [];
  for (const [wrong, query] of Object.entries(WRONG)) {
    const { rows } = await db.raw<{ rows: { what: string }[] }>(query);
    broken.push(...rows.map(({ what }) => `${wrong}: ${what}`));
  }
  for (const [table, hash, nids] of HASHED) {
    const { rows } = await db.raw<{ rows: { hash: Buffer; nids: string[] }[] }>(
      'SELECT ?? AS hash, ?? AS nids FROM ??',
      [hash, nids, table],
    );
    for (const row of rows) {
      if (!row.hash.equals(hashOfNids(row.nids))) broken.push(`a wrong hash in ${table}: ${row.nids.join()}`);
    }
  }
  return [...broken, ...(await brokenEvents(db))].sort();
}

/**
 * SQL that returns for each event: the servers of the joined users in the state before it, and the servers for which it is
 * queued.
 */
const QUEUED = `SELECT e.event_id,
    ARRAY(SELECT DISTINCT substr(d.event->>'state_key', strpos(d.event->>'state_key', ':') + 1)
      FROM (SELECT DISTINCT ON (m.event_state_key_nid) j.event_json::json AS event
        FROM roomserver_state_snapshots s
        CROSS JOIN unnest(s.state_block_nids) WITH ORDINALITY AS l(block_nid, position)
        JOIN roomserver_state_block b ON b.state_block_nid = l.block_nid
        CROSS JOIN unnest(b.event_nids) AS n(event_nid)
        JOIN roomserver_events m ON m.event_nid = n.event_nid AND m.event_type_nid = 5
        JOIN roomserver_event_json j ON j.event_nid = m.event_nid
        WHERE s.state_snapshot_nid = e.state_snapshot_nid
        ORDER BY m.event_state_key_nid, l.position DESC) d
      WHERE d.event->'content'->>'membership' = 'join' ORDER BY 1) AS joined,
    ARRAY(SELECT q.server_name FROM federationsender_queue_json j
      JOIN federationsender_queue_pdus q ON q.json_nid = j.json_nid
      WHERE j.json_body::json->>'_event_id' = e.event_id ORDER BY 1) AS queued
  FROM roomserver_events e JOIN roomserver_event_json w ON w.event_nid = e.event_nid
  WHERE e.sent_to_output AND NOT e.is_rejected AND strpos(w.event_json, 'ed25519:test') > 0`;

/**
 * Finds events of this test that are queued for other servers than those in the room. The queue must not be sent during the
 * test.
 */
export async function incompleteQueue(db: Knex, localServerNames: readonly string[]): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { event_id: string; joined: string[]; queued: string[] }[] }>(QUEUED);
  return rows
    .filter(({ joined, queued }) => joined.filter((name) => !localServerNames.includes(name)).join() !== queued.join())
    .map(({ event_id: id, joined, queued }) => `queued for [${queued.join()}], not for [${joined.join()}]: ${id}`);
}
