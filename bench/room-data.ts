import { generateKeyPairSync } from 'node:crypto';
import type { Knex } from 'knex';
import type { SigningKey } from '../src/host.ts';
import type { RoomId, ServerName, UserId } from '../src/ids.ts';
import type { Rooms } from '../src/rooms/rooms.ts';

export const SERVER_NAME = 'localhost' as ServerName;
export const SIGNING_KEY: SigningKey = {
  serverName: SERVER_NAME,
  keyId: 'ed25519:bench',
  privateKey: generateKeyPairSync('ed25519').privateKey,
};

export const userNamed = (name: string): UserId => `@${name}:${SERVER_NAME}` as UserId;

/** Number of members that join in one transaction. */
const BATCH = 500;

/** Creates a public room that has a number of joined members besides its creator. */
export async function makeRoom(db: Knex, rooms: Rooms, creator: string, members: number): Promise<RoomId> {
  const sender = userNamed(creator);
  const state = (type: string, content: Record<string, unknown>) => ({ type, sender, stateKey: '', content });
  const join = (name: string) => ({
    type: 'm.room.member',
    sender: userNamed(name),
    stateKey: userNamed(name),
    content: { membership: 'join', displayname: name },
  });
  const { roomId } = await db.transaction((transaction) =>
    rooms.create(transaction, {
      version: '10',
      creator: sender,
      content: {},
      drafts: [
        join(creator),
        state('m.room.power_levels', { users: { [sender]: 100 } }),
        state('m.room.join_rules', { join_rule: 'public' }),
      ],
    }),
  );
  for (let first = 0; first < members; first += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, members - first) }, (_, i) => `${creator}-${first + i}`);
    await db.transaction((transaction) => rooms.append(transaction, roomId, names.map(join)));
  }
  return roomId;
}

/** Adds messages to every table that stores messages. They follow the room's newest event. */
export async function addMessages(db: Knex, roomId: RoomId, count: number): Promise<void> {
  await db.raw(`INSERT INTO roomserver_event_types (event_type) VALUES ('m.room.message') ON CONFLICT DO NOTHING`);
  await db.raw(
    `WITH room AS (SELECT * FROM roomserver_rooms WHERE room_id = :roomId),
     new AS (
       SELECT nextval('roomserver_event_nid_seq') AS nid, nextval('syncapi_stream_id') AS id, n,
         '$' || encode(sha256(convert_to(:roomId || n, 'UTF8')), 'base64') AS event_id,
         '$' || encode(sha256(convert_to(:roomId || n - 1, 'UTF8')), 'base64') AS previous
       FROM generate_series(1, :count) AS n),
     json AS (
       SELECT new.*, json_build_object('auth_events', json_build_array(), 'content', json_build_object('body',
         'message number ' || n || ' of a room that is to go', 'msgtype', 'm.text'), 'depth', n + 10, 'prev_events',
         json_build_array(previous), 'room_id', CAST(:roomId AS text), 'sender', '@bench:localhost', 'type', 'm.room.message')::text AS body
       FROM new),
     events AS (
       INSERT INTO roomserver_events (event_nid, room_nid, event_type_nid, event_state_key_nid, sent_to_output,
         state_snapshot_nid, depth, event_id, auth_event_nids)
       SELECT nid, room_nid, (SELECT event_type_nid FROM roomserver_event_types WHERE event_type = 'm.room.message'), 0,
         true, state_snapshot_nid, n + 10, event_id, '{}' FROM new, room),
     jsons AS (INSERT INTO roomserver_event_json (event_nid, event_json) SELECT nid, body FROM json),
     previous AS (
       INSERT INTO roomserver_previous_events (previous_event_id, event_nids) SELECT previous, ARRAY[nid] FROM new WHERE n > 1),
     output AS (
       INSERT INTO syncapi_output_room_events (id, event_id, room_id, headered_event_json, type, sender, contains_url)
       SELECT id, event_id, :roomId, body, 'm.room.message', '@bench:localhost', false FROM json)
     INSERT INTO syncapi_output_room_events_topology (event_id, topological_position, stream_position, room_id)
     SELECT event_id, n + 10, id, :roomId FROM new`,
    { roomId, count },
  );
}
