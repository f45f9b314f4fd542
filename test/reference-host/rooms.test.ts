import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isServerName } from '../../src/ids.ts';
import { contentHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature, privateKeyOf } from '../../src/matrix/sign-event.ts';
import {
  type FixtureHomeserver,
  fixture,
  type Json,
  redactPath,
  roomNamed,
  searchFor,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const SEARCH = '/_matrix/client/v3/search';
const VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1));
const message = (body: string): Record<string, unknown> => ({ msgtype: 'm.text', body });

async function send(room: string, content: unknown, user: 'alice' | 'bob' | 'carol' = 'bob'): Promise<string> {
  const { status, body } = await server.call(user, 'PUT', sendPath(room), content);
  expect([status, body]).toEqual([200, { event_id: expect.any(String) }]);
  return body.event_id;
}

/** Returns the ids of the events that a search of bob finds. */
async function found(term: string): Promise<string[]> {
  const { body } = await server.call('bob', 'POST', SEARCH, searchFor(term));
  return body.search_categories.room_events.results.map((hit: { result: { event_id: string } }) => hit.result.event_id);
}

/** Reads all stored data of an event. */
async function stored(eventId: string): Promise<Json> {
  const { db } = server.homeserver;
  const row = await db('roomserver_events AS e')
    .join('roomserver_event_json AS j', 'j.event_nid', 'e.event_nid')
    .join('roomserver_rooms AS r', 'r.room_nid', 'e.room_nid')
    .join('roomserver_event_types AS t', 't.event_type_nid', 'e.event_type_nid')
    .join('syncapi_output_room_events AS s', 's.event_id', 'e.event_id')
    .join('syncapi_output_room_events_topology AS o', 'o.event_id', 'e.event_id')
    .where('e.event_id', eventId)
    .first('*', 's.room_id AS room_id');
  return { ...row, event: JSON.parse(row.event_json), headered: JSON.parse(row.headered_event_json) };
}

describe('sending', () => {
  test.each(VERSIONS)(
    'in room version %s writes an event that other servers accept, searchable at once',
    async (id) => {
      const version = roomVersionOf(id);
      const eventId = await send(`v${id}`, message(`wombat sighting ${id}`));
      expect(await found(`wombat sighting ${id}`)).toContain(eventId);

      const { event, headered } = await stored(eventId);
      const { server_name: serverName, signing_key: key } = fixture;
      if (!isServerName(serverName)) throw new Error('no server name');
      const publicKey = createPublicKey(privateKeyOf(Buffer.from(key.seed_base64, 'base64')));
      expect(eventIdOf(event, version)).toBe(eventId);
      expect(event.hashes).toEqual({ sha256: contentHash(event) });
      expect(hasValidEventSignature(event, version, { serverName, keyId: key.key_id, publicKey })).toBe(true);
      expect(headered).toEqual({ ...event, _room_version: id, _event_id: eventId });
    },
  );

  test.each(VERSIONS)('in room version %s has the right previous events and auth events', async (id) => {
    const before = await server.homeserver
      .db('roomserver_rooms')
      .where('room_id', roomNamed(`v${id}`))
      .first();
    const previous = await send(`v${id}`, message('one'));
    const row = await stored(await send(`v${id}`, message('two')));
    const last = await stored(previous);
    expect(row).toMatchObject({
      latest_event_nids: [row.event_nid],
      last_event_sent_nid: row.event_nid,
      state_snapshot_nid: before.state_snapshot_nid,
      sent_to_output: true,
      is_rejected: false,
      event_state_key_nid: '0',
      topological_position: row.depth,
      stream_position: row.id,
      contains_url: false,
      exclude_from_sync: false,
      history_visibility: 2,
      add_state_ids: null,
    });
    expect(Number(row.depth)).toBe(Number(last.depth) + 1);
    const [reference] = row.event.prev_events;
    expect(id === '1' || id === '2' ? reference[0] : reference).toBe(previous);
    expect(row.event.auth_events).toHaveLength(id === '12' ? 2 : 3);
    const types = await server.homeserver
      .db('roomserver_events AS e')
      .join('roomserver_event_types AS t', 't.event_type_nid', 'e.event_type_nid')
      .whereIn('e.event_nid', row.auth_event_nids)
      .pluck('t.event_type');
    expect(new Set(types)).toEqual(new Set(['m.room.create', 'm.room.member', 'm.room.power_levels']));
    const next = await server.homeserver.db('roomserver_previous_events').where('previous_event_id', previous).first();
    expect(next.event_nids).toEqual([row.event_nid]);
  });

  test("writes rows like Dendrite's, apart from their values", async () => {
    const { db } = server.homeserver;
    const recorded = await db('syncapi_output_room_events')
      .where({ room_id: roomNamed('v10'), type: 'm.room.message', sender: fixture.users.bob.user_id })
      .whereNot('headered_event_json', 'like', '%redacted_because%')
      .orderBy('id')
      .first('event_id');
    const theirs = await stored(recorded.event_id);
    const ours = await stored(await send('v10', message('shape')));
    const shape = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item)]))
        : value === null
          ? null
          : typeof value;
    const { content: _theirContent, ...theirEvent } = theirs.event;
    const { content: _ourContent, ...ourEvent } = ours.event;
    expect(shape(ourEvent)).toEqual(shape(theirEvent));
    expect(shape({ ...ours, event: 0, headered: 0 })).toEqual(shape({ ...theirs, event: 0, headered: 0 }));
  });

  test('again with the same transaction id sends nothing new', async () => {
    const path = sendPath('v10');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => server.call('bob', 'PUT', path, message('only once'))),
    );
    expect(new Set(answers.map(({ body }) => body.event_id)).size).toBe(1);
    expect(await found('only once')).toHaveLength(1);
    const other = await server.call('alice', 'PUT', path, message('only once'));
    expect(other.body.event_id).not.toBe(answers[0]?.body.event_id);
  });

  test('concurrently makes one chain', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => send('v11', message(`race ${index}`))));
    const depths = await server.homeserver.db('roomserver_events').whereIn('event_id', ids).pluck('depth');
    expect(new Set(depths).size).toBe(20);
    const room = await server.homeserver.db('roomserver_rooms').where('room_id', roomNamed('v11')).first();
    expect(room.latest_event_nids).toHaveLength(1);
  });

  test('merges forward extremities', async () => {
    const { db } = server.homeserver;
    const first = await stored(await send('v9', message('fork')));
    const second = await stored(await send('v9', message('fork')));
    await db('roomserver_rooms')
      .where('room_id', roomNamed('v9'))
      .update({ latest_event_nids: [first.event_nid, second.event_nid] });
    const { event, latest_event_nids: latest, event_nid: nid } = await stored(await send('v9', message('join')));
    expect(new Set(event.prev_events)).toEqual(new Set([first.event_id, second.event_id]));
    expect(latest).toEqual([nid]);
    expect(event.depth).toBe(Number(second.depth) + 1);
  });

  test('writes relations of all types, as Dendrite does', async () => {
    const original = await send('v8', message('plain'));
    const relate = async (type: string, relation: object): Promise<string> => {
      const content = { 'm.relates_to': { event_id: original, ...relation } };
      const { status, body } = await server.call('alice', 'PUT', sendPath('v8', type), content);
      expect(status).toBe(200);
      return body.event_id;
    };
    const written = [
      ['m.reaction', 'm.annotation'],
      ['m.room.message', 'm.replace'],
      ['m.room.message', 'm.thread'],
      ['m.room.message', 'm.reference'],
      ['org.example.note', 'org.example.about'],
    ] as const;
    const expected = [];
    for (const [type, relType] of written)
      expected.push([await relate(type, { rel_type: relType, key: '👍' }), type, relType]);
    // Events with a relation that cannot be stored are written without it.
    for (const relType of [undefined, '', 7, 'x\0', 'x'.repeat(9_000)]) {
      await relate('m.room.message', { rel_type: relType });
    }
    await relate('m.room.message', { event_id: 'x', rel_type: 'm.thread' });
    const rows = await server.homeserver.db('syncapi_relations').where('event_id', original);
    const relations = rows.map((row) => [row.child_event_id, row.child_event_type, row.rel_type]);
    expect(new Set(relations)).toEqual(new Set(expected));
  });

  test('an edit replaces the searchable text', async () => {
    const original = await send('v10', message('the quokka sleeps'));
    const edit = await send('v10', {
      ...message('* the numbat sleeps'),
      'm.new_content': message('the numbat sleeps'),
      'm.relates_to': { rel_type: 'm.replace', event_id: original },
    });
    expect(await found('quokka')).toEqual([]);
    expect(await found('numbat')).toEqual([edit]);
  });

  test.each([
    ['somebody who is not in the room', 'frank', 'v10'],
    ['somebody who is invited', 'dave', 'v10'],
    ['a member, to a room that is not there', 'bob', 'nowhere'],
  ] as const)('is refused to %s', async (_name, user, room) => {
    const path = room === 'nowhere' ? sendPath('v10').replace('gzbuq', 'xxxxx') : sendPath(room);
    const { status, body } = await server.call(user, 'PUT', path, message('let me in'));
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN']);
  });

  test('is refused below the power level', async () => {
    const { status, body } = await server.call('bob', 'PUT', sendPath('v10', 'm.room.server_acl'), {});
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN']);
  });

  test('event types with their own routes is refused', async () => {
    for (const type of ['m.room.create', 'm.room.member', 'm.room.power_levels', 'm.room.redaction']) {
      const { status, body } = await server.call('alice', 'PUT', sendPath('v10', type), { redacts: '$x' });
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM']);
    }
  });

  test('leaves nothing behind if it fails', async () => {
    const { db } = server.homeserver;
    const counts = async (): Promise<unknown[]> =>
      Promise.all(['roomserver_events', 'syncapi_output_room_events'].map((table) => db(table).count()));
    const before = await counts();
    const { status, body } = await server.call('bob', 'PUT', sendPath('v10'), message('x'.repeat(65_536)));
    expect([status, body.errcode]).toEqual([413, 'M_TOO_LARGE']);
    expect(await counts()).toEqual(before);
  });
});

describe('redacting', () => {
  test.each(VERSIONS)('in room version %s removes the message at once', async (id) => {
    const eventId = await send(`v${id}`, message(`numbered ${id} bandicoot`), 'carol');
    expect(await found('bandicoot')).toEqual([eventId]);
    const { status, body } = await server.call('carol', 'PUT', redactPath(`v${id}`, eventId), { reason: 'test' });
    expect(status).toBe(200);
    expect(await found('bandicoot')).toEqual([]);

    const { event, headered } = await stored(eventId);
    expect(event.content).toEqual({});
    expect(eventIdOf(event, roomVersionOf(id))).toBe(eventId);
    const redaction = await stored(body.event_id);
    expect(redaction.event).toMatchObject({ redacts: eventId, content: { redacts: eventId, reason: 'test' } });
    expect(event.unsigned).toEqual({
      redacted_because: { EventNID: Number(redaction.event_nid), PDU: redaction.event, Rejected: false },
      redacted_by: body.event_id,
    });
    expect(headered).toEqual({
      ...event,
      unsigned: {
        redacted_because: {
          content: { reason: 'test', redacts: eventId },
          event_id: body.event_id,
          origin_server_ts: redaction.event.origin_server_ts,
          redacts: eventId,
          sender: fixture.users.carol.user_id,
          type: 'm.room.redaction',
        },
        redacted_by: body.event_id,
      },
      _room_version: id,
      _event_id: eventId,
    });
    const [row] = await server.homeserver.db('roomserver_redactions').where('redacts_event_id', eventId);
    expect(row).toEqual({ redaction_event_id: body.event_id, redacts_event_id: eventId, validated: true });
  });

  test('state changes the current state too', async () => {
    const { db } = server.homeserver;
    const where = { room_id: roomNamed('v10'), type: 'm.room.topic' };
    const topic = await db('syncapi_current_room_state').where(where).first();
    await server.call('alice', 'PUT', redactPath('v10', topic.event_id), {});
    const now = await db('syncapi_current_room_state').where(where).first();
    expect(JSON.parse(now.headered_event_json)).toMatchObject({
      content: {},
      unsigned: { redacted_by: expect.anything() },
    });
  });

  test('removes the relation of an edit', async () => {
    const original = await send('v7', message('the echidna sleeps'));
    const edit = await send('v7', {
      ...message('* the dingo sleeps'),
      'm.new_content': message('the dingo sleeps'),
      'm.relates_to': { rel_type: 'm.replace', event_id: original },
    });
    await server.call('bob', 'PUT', redactPath('v7', edit), {});
    expect(await server.homeserver.db('syncapi_relations').where('event_id', original)).toEqual([]);
    expect([await found('dingo'), await found('echidna')]).toEqual([[], [original]]);
  });

  test('again with the same transaction id does nothing, unless it is for another event', async () => {
    const [one, two] = [await send('v6', message('one')), await send('v6', message('two'))];
    const first = await server.call('bob', 'PUT', redactPath('v6', one, 'same'), {});
    const again = await server.call('bob', 'PUT', redactPath('v6', one, 'same'), {});
    const other = await server.call('bob', 'PUT', redactPath('v6', two, 'same'), {});
    expect(again.body.event_id).toBe(first.body.event_id);
    expect(other.body.event_id).not.toBe(first.body.event_id);
    const rows = await server.homeserver.db('roomserver_redactions').whereIn('redacts_event_id', [one, two]);
    expect(rows).toHaveLength(2);
  });

  test('events of other users needs the power level', async () => {
    const eventId = await send('v5', message('mine'), 'carol');
    const { status, body } = await server.call('bob', 'PUT', redactPath('v5', eventId), {});
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN']);
    expect((await server.call('alice', 'PUT', redactPath('v5', eventId), {})).status).toBe(200);
  });

  test('an event that is not in the room gives 404', async () => {
    const elsewhere = await send('v5', message('elsewhere'), 'alice');
    for (const eventId of ['$nothing', elsewhere]) {
      const { status, body } = await server.call('alice', 'PUT', redactPath('v4', eventId), {});
      expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND']);
    }
  });
});

test('aliases are only for users in the room and for administrators', async () => {
  const alias = '#room-v10:localhost:18448';
  const roomId = roomNamed('v10');
  const aliases = async (user: keyof typeof fixture.users, room: string): Promise<Json> => {
    const { status, body } = await server.call(
      user,
      'GET',
      `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/aliases`,
    );
    return [status, body.aliases ?? body.errcode];
  };
  expect(await aliases('bob', roomId)).toEqual([200, [alias]]);
  expect(await aliases('admin', roomId)).toEqual([200, [alias]]);
  expect(await aliases('frank', roomId)).toEqual([403, 'M_FORBIDDEN']);
  expect(await aliases('bob', 'v10')).toEqual([400, 'M_INVALID_PARAM']);
});

test('users report events to the administrators', async () => {
  const eventId = await send('v11', message('something offensive'));
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomNamed('v11'))}/report/${encodeURIComponent(eventId)}`;
  expect(await server.call('alice', 'POST', path, { reason: 'rude' })).toMatchObject({ status: 200, body: {} });
  const { body } = await server.call('admin', 'GET', '/_synapse/admin/v1/event_reports?limit=1');
  const { user_id: reporter } = fixture.users.alice;
  expect(body.event_reports).toMatchObject([{ event_id: eventId, user_id: reporter, reason: 'rude', status: 'open' }]);
  expect((await server.call('frank', 'POST', path, {})).body.errcode).toBe('M_NOT_FOUND');
  expect((await server.call('alice', 'POST', path, { reason: 5 })).status).toBe(400);
});

test('users report users and rooms to the administrators', async () => {
  const { user_id: reporter } = fixture.users.alice;
  const { user_id: reported } = fixture.users.bob;
  const reportPath = (part: string, id: string): string =>
    `/_matrix/client/v3/${part}/${encodeURIComponent(id)}/report`;
  const done = { status: 200, body: {} };
  const asAlice = (path: string, body: Json = { reason: 'rude' }): Promise<Json> =>
    server.call('alice', 'POST', path, body);
  expect(await asAlice(reportPath('users', reported))).toMatchObject(done);
  // As in Synapse, the answer does not tell whether there is such a user.
  expect(await asAlice(reportPath('users', '@nobody:localhost:18448'))).toMatchObject(done);
  expect((await asAlice(reportPath('users', 'bob'))).status).toBe(400);
  expect((await asAlice(reportPath('users', reported), { reason: 5 })).status).toBe(400);
  const users = await server.call('admin', 'GET', '/_synapse/admin/v1/user_reports');
  expect(users.body).toMatchObject({
    total: 1,
    user_reports: [{ target_user_id: reported, user_id: reporter, reason: 'rude', status: 'open' }],
  });
  expect(await asAlice(reportPath('rooms', roomNamed('v11')))).toMatchObject(done);
  expect((await asAlice(reportPath('rooms', '!nowhere:localhost:18448'))).body.errcode).toBe('M_NOT_FOUND');
  const rooms = await server.call('admin', 'GET', '/_synapse/admin/v1/room_reports');
  expect(rooms.body).toMatchObject({ total: 1, room_reports: [{ room_id: roomNamed('v11'), user_id: reporter }] });
});
