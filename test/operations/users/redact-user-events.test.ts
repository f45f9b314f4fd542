import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../../src/ids.ts';
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { ADMIN, ALICE, append, BOB, CAROL, createRoom, memberOf, messageOf, viewOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants, incompleteQueue } from '../../support/room-invariants.ts';
import { bodyOfCase, missingFields, pathOfCase, synapseRecording } from '../../support/synapse-recording.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const ZOE = '@zoe:other.example' as UserId;
const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));

let plugin: MountedPlugin;
let db: MountedPlugin['database']['db'];
beforeAll(async () => {
  plugin = await mountPlugin({ options: { jobs: { pollIntervalMs: 50 } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const redact = (userId: string, body: object): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/user/${encodeURIComponent(userId)}/redact`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
/** Starts a redaction, waits for its end, and returns the status. */
async function redacted(userId: string, body: object): Promise<Record<string, unknown>> {
  const { redact_id: id } = jsonOf(await redact(userId, body));
  const redactId = String(id);
  await plugin.admin.jobs.wait(redactId);
  return jsonOf(await plugin.asAdmin(`/_synapse/admin/v1/user/redact_status/${redactId}`));
}
const eventsOf = (roomId: RoomId, type: string): PromiseLike<{ event_id: EventId; headered_event_json: string }[]> =>
  db('syncapi_output_room_events').where({ room_id: roomId, type }).orderBy('id');
/** Bodies of the messages in a room. `undefined` for redacted messages. */
async function bodiesIn(roomId: RoomId): Promise<unknown[]> {
  const messages = await eventsOf(roomId, 'm.room.message');
  return messages.map(({ headered_event_json: json }) => JSON.parse(json).content.body);
}
const search = async (term: string, rooms: readonly RoomId[]): Promise<number> =>
  (await plugin.admin.search.search({ term, rooms })).hits.length;
const spamOf = (sender: UserId, count: number) =>
  Array.from({ length: count }, (_, i) => messageOf(sender, `spam number ${i}`));
/** Makes messages of Bob's appear as those of a remote user. */
const attributeToZoe = (roomId: RoomId): Promise<unknown> =>
  db.raw(
    `WITH moved AS (
       UPDATE syncapi_output_room_events SET sender = :zoe, headered_event_json = replace(headered_event_json, :bob, :zoe)
       WHERE room_id = :roomId AND type = 'm.room.message' RETURNING event_id)
     UPDATE roomserver_event_json SET event_json = replace(event_json, :bob, :zoe) WHERE event_nid IN
       (SELECT event_nid FROM roomserver_events WHERE event_id IN (SELECT event_id FROM moved))`,
    { roomId, zoe: ZOE, bob: BOB },
  );

it('redacts each event once, newest first, in every room version; other servers accept the redactions, and searches no longer find the texts', async () => {
  const rooms: { roomId: RoomId; view: Awaited<ReturnType<typeof viewOf>> }[] = [];
  for (const version of VERSIONS) {
    const roomId = await createRoom(plugin, { version, members: [BOB], drafts: spamOf(BOB, 3) });
    await append(plugin, roomId, messageOf(ALICE, 'not spam'));
    rooms.push({ roomId, view: await viewOf(db, roomId) });
  }
  const roomIds = rooms.map(({ roomId }) => roomId);
  expect(await search('spam', roomIds)).toBeGreaterThan(0);
  expect(await redacted(BOB, { rooms: roomIds, reason: 'spam' })).toEqual({
    status: 'complete',
    redacted: 12 * 4,
    failed: 0,
    percent: 100,
    failed_redactions: {},
  });
  for (const { roomId, view } of rooms) {
    expect(await view.receive()).toEqual([]);
    expect(await bodiesIn(roomId)).toEqual([undefined, undefined, undefined, 'not spam']);
    const targets = (await eventsOf(roomId, 'm.room.message')).slice(0, 3).map(({ event_id: id }) => id);
    const redactions = (await eventsOf(roomId, 'm.room.redaction')).map(({ headered_event_json: json }) =>
      JSON.parse(json),
    );
    expect(redactions).toMatchObject(
      [...targets.reverse(), expect.any(String)].map((redacts) => ({
        sender: BOB,
        content: { reason: 'spam', redacts },
      })),
    );
    const member = await db('syncapi_current_room_state').where({ room_id: roomId, state_key: BOB }).first();
    expect(member.headered_event_json).toContain('redacted_because');
  }
  expect(await search('number', roomIds)).toBe(0);
  expect(await search('spam', roomIds)).toBe(10);
  expect(await redacted(BOB, { rooms: roomIds })).toMatchObject({ redacted: 0, failed: 0 });
  expect(await brokenInvariants(db)).toEqual([]);
  expect(await incompleteQueue(db, [SERVER_NAME])).toEqual([]);
});

it('uses another local user after the author has left, and reports events that nobody may redact', async () => {
  const left = await createRoom(plugin, { members: [BOB], drafts: spamOf(BOB, 2) });
  await append(plugin, left, memberOf(BOB, 'leave'));
  const remote = await createRoom(plugin, { members: [BOB], drafts: spamOf(BOB, 2) });
  const powerless = await createRoom(plugin, {
    members: [BOB],
    powerLevels: { users: { [ALICE]: 100 }, redact: 101 },
    drafts: spamOf(BOB, 2),
  });
  expect(await redacted(BOB, { rooms: [left] })).toMatchObject({ redacted: 3, failed: 0 });
  const redactions = await eventsOf(left, 'm.room.redaction');
  expect(redactions.map(({ headered_event_json: json }) => JSON.parse(json).sender)).toEqual([ALICE, ALICE, ALICE]);
  await attributeToZoe(remote);
  await attributeToZoe(powerless);
  const status = await redacted(ZOE, { rooms: [] });
  const refused = (await eventsOf(powerless, 'm.room.message')).map(({ event_id: id }) => id);
  expect(status).toMatchObject({ status: 'complete', redacted: 2, failed: 2, percent: 100 });
  expect(status.failed_redactions).toEqual(
    Object.fromEntries(refused.map((id) => [id, 'no local user may redact in the room'])),
  );
  expect(await bodiesIn(remote)).toEqual([undefined, undefined]);
  expect(await bodiesIn(powerless)).toEqual(['spam number 0', 'spam number 1']);
});

it('with use_admin, only the administrator redacts', async () => {
  const roomId = await createRoom(plugin, { members: [CAROL], drafts: spamOf(CAROL, 1) });
  const body = { rooms: [roomId], use_admin: true, types: ['m.room.message'] };
  const { failed_redactions: failures } = await redacted(CAROL, body);
  expect(Object.values(failures as object)).toEqual([`User ${ADMIN} is not in the room`]);
  await append(plugin, roomId, memberOf(ALICE, 'invite', ADMIN), memberOf(ADMIN, 'join'));
  expect(await redacted(CAROL, body)).toMatchObject({ redacted: 1, failed: 0 });
  const [redaction] = await eventsOf(roomId, 'm.room.redaction');
  expect(JSON.parse(redaction?.headered_event_json ?? '').sender).toBe(ADMIN);
  const { redactUserEvents } = plugin.admin.operations;
  await expect(redactUserEvents({ userId: CAROL, rooms: [], useAdmin: true }, SYSTEM)).rejects.toMatchObject({
    errcode: 'M_INVALID_PARAM',
  });
});

it('keeps to the limit, the times and the types, and a dry run counts the same events and changes nothing', async () => {
  const drafts = [...spamOf(CAROL, 600), { ...messageOf(CAROL), type: 'org.example' }];
  const roomId = await createRoom(plugin, { members: [CAROL], drafts });
  const messages = await eventsOf(roomId, 'm.room.message');
  const times = messages.map(({ headered_event_json: json }) => JSON.parse(json).origin_server_ts);
  const tried = async (body: object): Promise<unknown> => {
    const answer = await redact(CAROL, { rooms: [roomId], ...body, dry_run: true });
    return jsonOf(answer).redacted;
  };
  const changes = await changesOf(db, async () => {
    expect(await tried({})).toBe(601);
    expect(await tried({ limit: 255 })).toBe(255);
    expect(await tried({ types: ['org.example'] })).toBe(1);
    expect(await tried({ after_ts: times.at(-1) })).toBe(0);
    expect(await tried({ before_ts: times[0], types: ['m.room.message'] })).toBe(0);
    expect(await tried({ after_ts: times[0] - 1, before_ts: times.at(-1) + 1, types: ['m.room.message'] })).toBe(600);
  });
  expect(changes).toEqual({});
  expect(await redacted(CAROL, { rooms: [roomId], limit: 255 })).toMatchObject({ redacted: 255 });
  expect((await bodiesIn(roomId)).findIndex((body) => body === undefined)).toBe(600 - 255);
  for (const type of ['m.room.create', 'm.room.server_acl', 'm.room.redaction']) {
    expect((await redact(CAROL, { rooms: [roomId], types: [type] })).status).toBe(400);
  }
});

it('gives the answers of Synapse', async () => {
  const room = await createRoom(plugin, { members: [BOB], drafts: spamOf(BOB, 1) });
  let redactId = '';
  for (const recorded of synapseRecording('redact-user')) {
    const answer = await plugin.request(pathOfCase(recorded, { redact: redactId }), {
      method: recorded.method,
      headers: recorded.token ? { Authorization: `Bearer ${USERS.admin.access_token}` } : {},
      ...bodyOfCase(recorded, { room }),
    });
    expect([recorded.case, answer.status]).toEqual([recorded.case, recorded.status]);
    const { failed_redactions: _, ...fields } = recorded.response as Record<string, unknown>;
    if (answer.status < 400) expect(missingFields(fields, jsonOf(answer))).toEqual([]);
    if (recorded.method !== 'POST' || answer.status !== 200) continue;
    redactId = String(jsonOf(answer).redact_id);
    await plugin.admin.jobs.wait(redactId);
  }
});
