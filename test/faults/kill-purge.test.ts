import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillLargeRoom, LARGE_ROOM } from '../../bench/large-room.ts';
import type { RoomId } from '../../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { migrateOwnSchema } from '../../src/storage/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME } from '../support/dendrite-server.ts';
import { killProcess, PLUGIN_PROGRAM, startProcess } from '../support/killable-process.ts';
import { namesOf, tracesOf } from '../support/room-traces.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const EVENTS = 8_000;
const LEASE_MS = 600;
const LONGEST_LIFE_MS = 600;
/** `KILLS=50` for the long version. */
const KILLS = Number(process.env['KILLS'] ?? 4);
const SEED = Number(process.env['KILL_SEED'] ?? 20_260_102);
const ROOM = LARGE_ROOM as RoomId;

let directory: string;
let database: TestDatabase;
let db: Knex;
/** Starts jobs and waits for them; leads none, since it is never started. */
let admin: AdminPlugin;
let child: ChildProcess | undefined;

beforeAll(async () => {
  directory = await makeScratchDirectory('kill-purge-');
  database = await createTestDatabase();
  ({ db } = database);
  await migrateOwnSchema(db);
  await fillLargeRoom(db, EVENTS);
  // While processes are killed, each step takes long enough for a good part of it to be left.
  await db.raw(`CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END'`);
  await db.raw('CREATE TRIGGER linger AFTER UPDATE ON matrix_admin.purges EXECUTE FUNCTION linger()');
  admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [] });
});
afterAll(async () => {
  if (child) await killProcess(child);
  await admin.stop();
  await database.drop();
  await rm(directory, { recursive: true });
});

/** A digest of every row of the neighbour. */
async function neighbourRows(): Promise<unknown> {
  const { rows } = await db.raw(`SELECT
    (SELECT md5(string_agg(e::text || j.event_json || p::text, '' ORDER BY e.event_nid)) FROM roomserver_events e
       JOIN roomserver_event_json j USING (event_nid) JOIN roomserver_previous_events p ON p.previous_event_id = e.event_id
     WHERE room_nid = 2) AS events,
    (SELECT md5(string_agg(s::text, '' ORDER BY state_snapshot_nid)) FROM roomserver_state_snapshots s
     WHERE room_nid = 2) AS snapshots,
    (SELECT md5(string_agg(o::text || t::text, '' ORDER BY id)) FROM syncapi_output_room_events o
       JOIN syncapi_output_room_events_topology t USING (event_id) WHERE o.room_id <> '${LARGE_ROOM}') AS timeline,
    (SELECT md5(string_agg(d::text, '' ORDER BY event_id)) FROM matrix_admin.search_documents d
     WHERE room_id <> '${LARGE_ROOM}') AS documents`);
  return rows[0];
}

it(
  'kill -9 at any moment of a purge leaves a room that is closed, and the next process ends the purge',
  async () => {
    let state = SEED;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const settings = { databaseUrl: database.connectionString, directory, leaseMs: LEASE_MS };
    const names = await namesOf(db, ROOM);
    const neighbour = await neighbourRows();
    const ended = admin.operations.purgeRoom({ roomId: ROOM }, { actor: { kind: 'system', name: 'test' } });
    let interrupted = 0;
    for (let killed = 0; killed < KILLS; killed += 1) {
      child = await startProcess(PLUGIN_PROGRAM, settings);
      await delay(random() * LONGEST_LIFE_MS);
      await killProcess(child);
      const admission = await admin.rooms.check(ROOM);
      if (admission === 'purging') interrupted += 1;
      // Closed until the very end, and then gone.
      const rows = await db('public.roomserver_rooms').where('room_id', ROOM);
      expect([admission, rows.length]).toEqual(admission === 'purging' ? ['purging', 1] : ['open', 0]);
      await delay(LEASE_MS);
    }
    expect(interrupted).toBeGreaterThanOrEqual(KILLS / 3);
    await db.raw('DROP TRIGGER linger ON matrix_admin.purges');
    child = await startProcess(PLUGIN_PROGRAM, settings);
    const { deleted } = await ended;
    expect(deleted).toMatchObject({
      roomserver_events: EVENTS,
      syncapi_output_room_events: EVENTS,
      roomserver_rooms: 1,
    });
    expect(await tracesOf(db, { ...names, eventIds: names.eventIds.slice(0, 5) })).toEqual([]);
    expect(await db('public.syncapi_output_room_events').where('room_id', ROOM)).toEqual([]);
    expect(await neighbourRows()).toEqual(neighbour);
  },
  30_000 + KILLS * 4_000,
);
