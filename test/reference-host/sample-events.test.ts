import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRoomId, isUserId, type RoomId, type UserId } from '../../src/ids.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let databases: TestDatabase[];
beforeAll(async () => {
  databases = await Promise.all([createTestDatabase(), createTestDatabase()]);
});
afterAll(() => Promise.all(databases.map((database) => database.drop())));

function room(roomId: string, sender: string): { roomId: RoomId; senders: [UserId] } {
  if (!isRoomId(roomId) || !isUserId(sender)) throw new Error('not ids');
  return { roomId, senders: [sender] };
}
const rooms = [room('!a:example.org', '@alice:example.org'), room('!b:example.org', '@bob:example.org')] as const;

test('the same seed creates the same events, in the requested number, in seven languages', async () => {
  const contents = await Promise.all(
    databases.map(async ({ db }) => {
      await generateSampleEvents(db, { count: 12_345, rooms: [...rooms], seed: 1 });
      return db('syncapi_output_room_events')
        .orderBy('id')
        .select('event_id', 'room_id', 'sender', 'type', 'headered_event_json');
    }),
  );
  const [first = [], second] = contents;
  expect(first).toEqual(second);
  expect(first).toHaveLength(12_345);
  expect(new Set(first.map(({ event_id: id }) => id)).size).toBe(12_345);

  const bodies: string[] = first.map((row) => {
    const event = JSON.parse(row.headered_event_json);
    expect(event).toMatchObject({ _event_id: row.event_id, room_id: row.room_id, sender: row.sender, type: row.type });
    return event.content.body;
  });
  const scripts = [/\p{sc=Han}/u, /\p{sc=Hiragana}/u, /\p{sc=Hangul}/u, /\p{sc=Cyrillic}/u, /ß/, /[éèê]/, /the /];
  for (const script of scripts) {
    expect(bodies.filter((body) => script.test(body)).length, String(script)).toBeGreaterThan(200);
  }
  expect(bodies.filter((body) => body.trim() === '')).toEqual([]);
});

test('another seed creates other events', async () => {
  for (const { db } of databases) {
    await generateSampleEvents(db, { count: 10, rooms: [...rooms], seed: 2 });
    expect(await db('syncapi_output_room_events').pluck('event_id')).toHaveLength(12_355);
  }
});
