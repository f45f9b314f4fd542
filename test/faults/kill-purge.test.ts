import type { Knex } from 'knex';
import { expect, it } from 'vitest';
import { makeRoom, userNamed } from '../../bench/room-data.ts';
import { expectWholeRooms, KILLS_TIMEOUT_MS, killAtRandomMoments } from '../support/killed-operation.ts';
import { namesOf, tracesOf } from '../support/room-traces.ts';

const MEMBERS = 600;
const MESSAGES = 1_500;
/** Number of messages that are written in one transaction. */
const BATCH = 500;

/** Returns a digest of all rows of a room in the tables that have many rows. */
async function rowsOfRoom(db: Knex, roomId: string): Promise<unknown> {
  const { rows } = await db.raw(
    `SELECT
       (SELECT md5(string_agg(e::text || j.event_json, '' ORDER BY e.event_nid)) FROM roomserver_rooms
          JOIN roomserver_events e USING (room_nid) JOIN roomserver_event_json j USING (event_nid)
        WHERE room_id = :roomId) AS events,
       (SELECT md5(string_agg(s::text || b::text, '' ORDER BY s.state_snapshot_nid, b.state_block_nid))
        FROM roomserver_rooms r JOIN roomserver_state_snapshots s ON s.room_nid = r.room_nid
          JOIN roomserver_state_block b ON b.state_block_nid = ANY(s.state_block_nids) WHERE room_id = :roomId) AS state,
       (SELECT md5(string_agg(o::text || t::text, '' ORDER BY o.id)) FROM syncapi_output_room_events o
          JOIN syncapi_output_room_events_topology t USING (event_id) WHERE o.room_id = :roomId) AS timeline,
       (SELECT md5(string_agg(d::text, '' ORDER BY d.event_id)) FROM matrix_admin.search_documents d
        WHERE d.room_id = :roomId) AS documents`,
    { roomId },
  );
  return rows[0];
}

it(
  'kill -9 at any moment of a purge: the room stays closed, and the next process completes the purge',
  () =>
    killAtRandomMoments(async (db, admin) => {
      // Write to the two rooms alternately, so that their rows are mixed as on a real homeserver.
      const roomId = await makeRoom(db, admin.rooms, 'creator', MEMBERS);
      const neighbour = await makeRoom(db, admin.rooms, 'creator', MEMBERS);
      const sender = userNamed('creator');
      const messages = Array.from({ length: BATCH }, (_, i) => ({
        type: 'm.room.message',
        sender,
        content: { msgtype: 'm.text', body: `message ${i}` },
      }));
      for (let written = 0; written < MESSAGES; written += BATCH) {
        for (const room of [roomId, neighbour]) {
          await db.transaction((transaction) => admin.rooms.append(transaction, room, messages));
        }
      }
      // Slow each step down, so that processes are killed during a step, and before and after its commit.
      await db.raw(`CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END'`);
      await db.raw('CREATE TRIGGER linger AFTER UPDATE ON matrix_admin.purges EXECUTE FUNCTION linger()');
      const names = await namesOf(db, roomId);
      const events = names.eventNids.length;
      const left = await rowsOfRoom(db, neighbour);
      return {
        call: { name: 'purgeRoom', input: { roomId } },
        underWay: async (copy) => {
          // The room accepts no events until the purge has ended, and is deleted then.
          const { rows } = await copy.raw(
            `SELECT ARRAY(SELECT room_id FROM roomserver_rooms WHERE room_id = :roomId)
               = ARRAY(SELECT room_id FROM matrix_admin.purges) AS "isClosedOrGone"`,
            { roomId },
          );
          expect(rows).toEqual([{ isClosedOrGone: true }]);
        },
        ended: async (copy, { deleted }) => {
          expect(deleted).toMatchObject({
            roomserver_events: events,
            syncapi_output_room_events: events,
            roomserver_rooms: 1,
          });
          expect(await tracesOf(copy, { ...names, eventIds: names.eventIds.slice(0, 5) })).toEqual([]);
          expect(await copy('public.roomserver_rooms').pluck('room_id')).toEqual([neighbour]);
          expect(await rowsOfRoom(copy, neighbour)).toEqual(left);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);

it(
  'kill -9 at any moment of a purge of history: the room is whole, and the next process completes the purge',
  () =>
    killAtRandomMoments(async (db, admin) => {
      const roomId = await makeRoom(db, admin.rooms, 'creator', MEMBERS / 2);
      const sender = userNamed('creator');
      const messages = Array.from({ length: BATCH }, (_, i) => ({
        type: 'm.room.message',
        sender,
        content: { msgtype: 'm.text', body: `message ${i}` },
      }));
      for (let written = 0; written < MESSAGES; written += BATCH) {
        await db.transaction((transaction) => admin.rooms.append(transaction, roomId, messages));
      }
      const room = await db('roomserver_rooms').where({ room_id: roomId }).first();
      const state = await db('syncapi_current_room_state').where({ room_id: roomId }).orderBy('event_id');
      return {
        call: { name: 'purgeHistory', input: { roomId, upToTs: Date.now() + 3_600_000, deleteLocalEvents: true } },
        underWay: expectWholeRooms,
        ended: async (copy) => {
          expect(await copy('roomserver_rooms').where({ room_id: roomId }).first()).toEqual(room);
          expect(await copy('syncapi_current_room_state').where({ room_id: roomId }).orderBy('event_id')).toEqual(
            state,
          );
          expect(await copy('syncapi_output_room_events').where({ room_id: roomId })).toHaveLength(1);
          expect(await copy('roomserver_events').whereNot({ event_state_key_nid: 0 })).toHaveLength(state.length);
          expect(await copy('roomserver_events').where({ event_state_key_nid: 0 })).toHaveLength(1);
        },
      };
    }),
  KILLS_TIMEOUT_MS,
);
