import type { Knex } from 'knex';
import { makeAccounts } from './account-data.ts';
import { SERVER_NAME } from './room-data.ts';

/** Number of members of each room, including its creator. */
const MEMBERS = 5;
/** One of this many rooms has a rare word in its name, for which the bench searches. */
const RARE_ROOM = 10_000;

const ROOM_ID = `'!' || md5('room' || r) || ':localhost'`;
const EVENT_ID = (what: string): string => `'$' || md5(r || ${what})`;

/** Creates `rooms` rooms with state and members, and `accounts` accounts. Rooms have no messages. */
export async function makeLists(db: Knex, rooms: number, accounts: number): Promise<void> {
  await makeAccounts(db, accounts);
  const bindings = { rooms, serverName: SERVER_NAME, members: MEMBERS, accounts };
  const json = (content: string, sender: string): string =>
    `json_build_object('content', ${content}, 'sender', ${sender})::text`;
  for (const statement of [
    `UPDATE userapi_profiles SET display_name = (ARRAY['Ada','Bo','Chen','Dilip','Eva','Farah','Grace','Hiro'])[1 + abs(hashtext(localpart)) % 8]
       || ' ' || substr(md5(localpart), 1, 8)`,
    `UPDATE userapi_devices SET last_seen_ts = 1700000000000 + abs(hashtext(localpart))`,
    `INSERT INTO roomserver_event_types (event_type)
     VALUES ('m.room.name'), ('m.room.encryption'), ('m.room.guest_access') ON CONFLICT DO NOTHING`,
    `INSERT INTO roomserver_event_state_keys (event_state_key_nid, event_state_key)
     SELECT 100000 + n, '@user' || lpad(n::text, 7, '0') || ':' || :serverName FROM generate_series(1, :accounts - 1) AS n`,
    `INSERT INTO roomserver_rooms (room_nid, room_id, latest_event_nids, last_event_sent_nid, state_snapshot_nid, room_version)
     SELECT r, ${ROOM_ID}, ARRAY[r * 100::bigint], r * 100, r, CASE r % 4 WHEN 0 THEN '9' WHEN 1 THEN '11' ELSE '10' END
     FROM generate_series(1, :rooms) AS r`,
    `INSERT INTO roomserver_membership (room_nid, target_nid, sender_nid, membership_nid, event_nid, target_local)
     SELECT r, 100001 + (r * 31 + m * 7919) % (:accounts - 1), 100001, CASE WHEN (r + m) % 10 = 9 THEN 1 ELSE 3 END, r * 100 + m, true
     FROM generate_series(1, :rooms) AS r, generate_series(1, 1 + (r % (2 * :members))) AS m ON CONFLICT DO NOTHING`,
    `INSERT INTO syncapi_current_room_state (room_id, event_id, type, sender, contains_url, state_key, headered_event_json, membership, added_at)
     SELECT ${ROOM_ID}, ${EVENT_ID(`'m' || m.target_nid`)}, 'm.room.member', k.event_state_key, false, k.event_state_key,
       ${json(`json_build_object('membership', 'join')`, 'k.event_state_key')}, CASE m.membership_nid WHEN 3 THEN 'join' ELSE 'leave' END, r
     FROM generate_series(1, :rooms) AS r JOIN roomserver_membership m ON m.room_nid = r
     JOIN roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid`,
    `INSERT INTO syncapi_current_room_state (room_id, event_id, type, sender, contains_url, state_key, headered_event_json, added_at)
     SELECT ${ROOM_ID}, ${EVENT_ID('s.type')}, s.type, '@user' || lpad((r % :accounts)::text, 7, '0') || ':' || :serverName, false, '',
       json_build_object('content', s.content, 'sender', '@user:' || :serverName)::text, r
     FROM generate_series(1, :rooms) AS r CROSS JOIN LATERAL (VALUES
       ('m.room.create', json_build_object('room_version', '10')),
       ('m.room.power_levels', json_build_object('ban', 50)),
       ('m.room.join_rules', json_build_object('join_rule', CASE WHEN r % 3 = 0 THEN 'public' ELSE 'invite' END)),
       ('m.room.history_visibility', json_build_object('history_visibility', 'shared')),
       ('m.room.guest_access', json_build_object('guest_access', 'can_join')),
       ('m.room.name', json_build_object('name', (ARRAY['Garden','Chess','Music','Support','Books','Travel'])[1 + r % 6] || ' '
         || md5('name' || r) || CASE WHEN r % ${RARE_ROOM} = 1 THEN ' porcupine' ELSE '' END)),
       ('m.room.canonical_alias', json_build_object('alias', '#room' || r || ':' || :serverName)),
       ('m.room.encryption', json_build_object('algorithm', 'm.megolm.v1.aes-sha2'))) AS s(type, content)
     WHERE NOT (s.type = 'm.room.name' AND r % 10 = 0) AND NOT (s.type = 'm.room.canonical_alias' AND r % 2 = 0)
       AND NOT (s.type = 'm.room.encryption' AND r % 3 = 0)`,
    `INSERT INTO roomserver_published (room_id, appservice_id, network_id, published)
     SELECT ${ROOM_ID}, '', '', true FROM generate_series(1, :rooms) AS r WHERE r % 50 = 0`,
  ]) {
    await db.raw(statement, bindings);
  }
  // The rows above were inserted with fixed ids, so move each sequence behind these ids.
  for (const sequence of [
    'roomserver_room_nid_seq',
    'roomserver_event_state_key_nid_seq',
    'roomserver_event_nid_seq',
  ]) {
    await db.raw('SELECT setval(?, ?)', [sequence, 100_000_000]);
  }
  await db.raw('VACUUM (ANALYZE)');
}
