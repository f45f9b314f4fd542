import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FederationError } from '../../../src/errors.ts';
import type { FederationSender, RemoteState } from '../../../src/host.ts';
import { isRoomId, isServerName, isUserId, type ServerName } from '../../../src/ids.ts';
import { authEventKeys } from '../../../src/matrix/auth-events.ts';
import { buildEvent, type ReferredEvent } from '../../../src/matrix/build-event.ts';
import { eventIdOf } from '../../../src/matrix/event-id.ts';
import { type EventJson, roomVersionOf } from '../../../src/matrix/room-version.ts';
import { privateKeyOf } from '../../../src/matrix/sign-event.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { type Answer, jsonOf, type RequestOptions } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { readRecordedState, verifyRecordedKeys } from '../../support/recorded-peer.ts';
import { changesOf } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const ROOM = server.rooms.remote;
const REMOTE = server.remote_server_name;

function serverName(name: string): ServerName {
  if (!isServerName(name)) throw new Error(`${name} is not a server name`);
  return name;
}

let plugin: MountedPlugin;
let db: Knex;
let lookupState: NonNullable<FederationSender['lookupState']>;
/** The state that the other server had when the data was recorded. */
let recorded: RemoteState;
beforeAll(async () => {
  const federation: FederationSender = {
    wake: () => {},
    lookupState: (request, options) => lookupState(request, options),
    verifyKeys: verifyRecordedKeys,
  };
  plugin = await mountPlugin({ host: { federation }, options: { limits: { federationRequestMs: 300 } } });
  ({ db } = plugin.database);
  recorded = await readRecordedState(db, ROOM);
});
afterAll(() => plugin.close());

const download = (
  body: object = {},
  path = `${REMOTE}/${encodeURIComponent(ROOM)}`,
  options: RequestOptions = {},
): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/downloadState/${path}`, {
    method: 'POST',
    ...(options.method !== 'GET' && { body: JSON.stringify(body) }),
    ...options,
  });

const localMembers = async (): Promise<string[]> =>
  db('syncapi_current_room_state')
    .where({ room_id: ROOM, type: 'm.room.member', membership: 'join' })
    .where('state_key', 'like', `%:${server.server_name}`)
    .orderBy('state_key')
    .pluck('state_key');

/** Makes a second, equally valid member event of a local user in the room. */
async function renamedMember(): Promise<EventJson> {
  const { room_version: id } = await db('roomserver_rooms').where('room_id', ROOM).first('room_version');
  const version = roomVersionOf(id);
  const [userId = ''] = await localMembers();
  if (!isUserId(userId) || !isRoomId(ROOM)) throw new Error('no member');
  const draft = {
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { membership: 'join', displayname: 'x' },
  };
  const referred = (type: string, stateKey: string): ReferredEvent[] =>
    recorded.state
      .filter((event) => event.type === type && event.state_key === stateKey)
      .map((event) => ({ eventId: eventIdOf(event, version), event }));
  const authEvents = authEventKeys(draft, version).flatMap((key) => referred(...key));
  const privateKey = privateKeyOf(Buffer.from(server.signing_key.seed_base64, 'base64'));
  const key = { serverName: serverName(server.server_name), keyId: server.signing_key.key_id, privateKey };
  const place = { roomId: ROOM, originServerTs: 1, depth: 99, authEvents, prevEvents: authEvents };
  return buildEvent({ ...draft, ...place }, version, key).event;
}

describe('downloadState', () => {
  it.each([
    [`${REMOTE}/!nowhere:x`, 404, 'M_NOT_FOUND'],
    [`${REMOTE}/${server.rooms.remoteInvite}`, 404, 'M_NOT_FOUND'],
    [`${REMOTE}/nonsense`, 400, 'M_INVALID_PARAM'],
    [`not%20a%20server/${ROOM}`, 400, 'M_INVALID_PARAM'],
    [`${server.server_name}/${ROOM}`, 400, 'M_INVALID_PARAM'],
  ])('of %s is refused', async (path, status, errcode) => {
    const answer = await download({}, path);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  });

  it.each<[string, () => Promise<RemoteState>, number, RegExp]>([
    ['does not answer', () => new Promise(() => {}), 504, /gave no answer in time/],
    ['refuses', () => Promise.reject(new FederationError('refused', `${REMOTE} refused`)), 502, /refused/],
    ['has no state', async () => ({ state: [], authChain: [] }), 403, /no local user may send/],
  ])('from a server that %s fails without changes', async (_title, answer, status, text) => {
    lookupState = answer;
    const changes = await changesOf(db, async () => {
      const { status: actual, text: body } = await download();
      expect([actual, body]).toEqual([status, expect.stringMatching(text)]);
    });
    expect(changes).toEqual({});
  });

  it('resolves different states, whichever comes first', async () => {
    const isName = ({ type }: Readonly<Record<string, unknown>>): boolean => type === 'm.room.name';
    const nameless = { ...recorded, state: recorded.state.filter((event) => !isName(event)) };
    const resultOf = async (...answers: RemoteState[]): Promise<unknown> => {
      const left = [...answers];
      lookupState = async () => left.shift() ?? Promise.reject(new FederationError('refused', 'asked too often'));
      const { status, text } = await download({ dry_run: true });
      expect([status, left]).toEqual([200, []]);
      return text;
    };
    const whole = await resultOf(recorded, recorded);
    expect(await resultOf(recorded, nameless)).toBe(whole);
    expect(await resultOf(nameless, recorded)).toBe(whole);
    expect(await resultOf(nameless, nameless)).not.toBe(whole);
  });

  it('applies the time limit to each answer, not to all together', async () => {
    const left = [recorded, recorded];
    lookupState = async () => {
      await delay(200);
      return left.shift() ?? Promise.reject(new FederationError('refused', 'asked too often'));
    };
    expect((await download({ dry_run: true })).status).toBe(200);
    expect(left).toEqual([]);
  });

  it('refuses a state with two events for the same type and state key', async () => {
    const again = await renamedMember();
    lookupState = async () => ({ ...recorded, state: [...recorded.state, again] });
    const changes = await changesOf(db, async () => {
      const answer = await download();
      expect([answer.status, jsonOf(answer).error]).toEqual([
        502,
        expect.stringMatching(/two events for the same type and state key/),
      ]);
    });
    expect(changes).toEqual({});
  });

  it('restores the state of the other server, by either method', async () => {
    lookupState = async () => recorded;
    const members = await localMembers();
    expect(members.length).toBeGreaterThan(0);
    for (const method of ['POST', 'GET']) {
      await plugin.asAdmin(`/_dendrite/admin/evacuateRoom/${ROOM}`, { method: 'POST' });
      expect(await localMembers()).toEqual([]);
      const tried = await changesOf(db, async () => {
        expect(jsonOf(await download({ dry_run: true }))).toEqual({
          added: members.length,
          removed: members.length,
          dry_run: true,
        });
      });
      expect(tried).toEqual({});
      const answer = await download({}, undefined, { method });
      expect([answer.status, jsonOf(answer)]).toEqual([200, {}]);
      expect(await localMembers()).toEqual(members);
      expect(await brokenInvariants(db)).toEqual([]);
    }
  });

  it('leaves out events that are not signed by their server, or not allowed', async () => {
    const mallory = { type: 'm.room.name', state_key: '', content: { name: 'Forged' } };
    const [name] = recorded.state.filter(({ type }) => type === 'm.room.name');
    const forged = { ...name, ...mallory };
    lookupState = async () => ({
      ...recorded,
      state: [...recorded.state.filter((event) => event !== name), forged, { nonsense: true }],
    });
    const answer = await download({ dry_run: true });
    expect(jsonOf(answer)).toMatchObject({ left_out: expect.any(Number), dry_run: true });
  });
});
