import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { isServerName, isUserId, type UserId } from '../../src/ids.ts';
import { stateName } from '../../src/matrix/auth-events.ts';
import type { AuthState, JudgedEvent } from '../../src/matrix/auth-state.ts';
import { type EventJson, type RoomVersion, roomVersionOf } from '../../src/matrix/room-version.ts';
import { privateKeyOf } from '../../src/matrix/sign-event.ts';
import { signJson } from '../../src/matrix/sign-json.ts';

export const ROOM_VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1));

/** An event, and the state by which it is checked. The rules need not allow either of them. */
export interface AuthCase {
  readonly id: string;
  readonly version: RoomVersion;
  readonly state: ReadonlyMap<string, EventJson>;
  readonly event: JudgedEvent;
}

const user = (id: string): UserId => {
  if (!isUserId(id)) throw new Error(`${id} is no user id`);
  return id;
};
const USERS = ['@a:one.test', '@b:one.test', '@c:two.test', '@d:three.test'].map(user);
const anyUser = fc.constantFrom(...USERS);
const TOKEN = 'token';

const serverName = 'ids.test';
if (!isServerName(serverName)) throw new Error('no server name');
const privateKey = privateKeyOf(Buffer.alloc(32, 9));
const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x;
const identity = { serverName, keyId: 'ed25519:0', privateKey } as const;

const MEMBERSHIPS = ['join', 'invite', 'leave', 'ban', 'knock'];
const JOIN_RULES = ['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'];
const LEVEL_KEYS = ['ban', 'events_default', 'invite', 'kick', 'redact', 'state_default', 'users_default'];
const TYPES = [
  'm.room.topic',
  'm.room.message',
  'm.room.power_levels',
  'm.room.redaction',
  'm.room.third_party_invite',
];

const number = fc.constantFrom(-1, 0, 1, 50, 99, 100, 101);
const levelOf = (id: number): fc.Arbitrary<unknown> =>
  id >= 10
    ? number
    : fc.oneof(
        { weight: 5, arbitrary: number },
        number.map(String),
        number.map((n) => ` +0${n} `.replace('+0-', '-')),
      );
const dictionary = (keys: readonly string[], value: fc.Arbitrary<unknown>): fc.Arbitrary<EventJson> =>
  fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 });

function powerLevels(id: number): fc.Arbitrary<EventJson> {
  const level = levelOf(id);
  return fc
    .record(
      {
        users: dictionary(USERS, level),
        events: dictionary(TYPES, level),
        notifications: dictionary(['room', 'other'], level),
        single: dictionary(LEVEL_KEYS, level),
      },
      { requiredKeys: [] },
    )
    .map(({ single, ...grouped }) => ({ ...grouped, ...single }));
}

/** Changes one power level. The rules allow this more often than a change of all levels. */
function changedLevels(id: number, before: EventJson): fc.Arbitrary<EventJson> {
  const level = fc.oneof(levelOf(id), fc.constant(undefined));
  const without = (object: unknown, key: string, value: unknown): EventJson => {
    const { [key]: _gone, ...rest } = (object ?? {}) as EventJson;
    return value === undefined ? rest : { ...rest, [key]: value };
  };
  return fc.oneof(
    fc.tuple(anyUser, level).map(([key, value]) => ({ ...before, users: without(before.users, key, value) })),
    fc
      .tuple(fc.constantFrom(...TYPES), level)
      .map(([key, value]) => ({ ...before, events: without(before.events, key, value) })),
    fc.tuple(level).map(([value]) => ({ ...before, notifications: without(before.notifications, 'room', value) })),
    fc.tuple(fc.constantFrom(...LEVEL_KEYS), level).map(([key, value]) => without(before, key, value)),
  );
}

function thirdPartyInvite(): fc.Arbitrary<EventJson> {
  return fc
    .record({
      mxid: fc.oneof({ weight: 3, arbitrary: anyUser }, fc.constant(1)),
      token: fc.oneof({ weight: 5, arbitrary: fc.constant(TOKEN) }, fc.constant('other')),
      isSigned: fc.boolean(),
    })
    .map(({ mxid, token, isSigned }) => {
      const signed = { mxid, token };
      return { display_name: 'x', signed: isSigned ? signJson(signed, identity) : { ...signed, signatures: {} } };
    });
}

const membershipContent: fc.Arbitrary<EventJson> = fc
  .record({
    membership: fc.constantFrom(...MEMBERSHIPS, 'other'),
    join_authorised_via_users_server: fc.option(anyUser, { nil: undefined }),
    third_party_invite: fc.option(thirdPartyInvite(), { nil: undefined, freq: 2 }),
  })
  .map((content) => Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined)));

interface Draft {
  readonly type: string;
  readonly stateKey?: string;
  readonly content: EventJson;
  readonly redacts?: string;
}

function draftFor(id: number, levels: EventJson): fc.Arbitrary<Draft> {
  const member = fc
    .record({ stateKey: anyUser, content: membershipContent })
    .map((rest) => ({ type: 'm.room.member', ...rest }));
  const changed = fc
    .oneof(powerLevels(id), changedLevels(id, levels))
    .map((content) => ({ type: 'm.room.power_levels', stateKey: '', content }));
  const other = fc
    .record(
      {
        type: fc.constantFrom('m.room.topic', 'm.room.message', 'm.room.third_party_invite'),
        stateKey: fc.constantFrom('', ...USERS),
      },
      { requiredKeys: ['type'] },
    )
    .map((rest) => ({ ...rest, content: {} }));
  const aliases = fc
    .constantFrom('one.test', 'two.test', 'three.test')
    .map((stateKey) => ({ type: 'm.room.aliases', stateKey, content: { aliases: [] } }));
  const redaction = fc
    .constantFrom('$x:one.test', '$x:two.test', '$xyz')
    .map((redacts) => ({ type: 'm.room.redaction', content: {}, redacts }));
  return fc.oneof({ weight: 4, arbitrary: member }, { weight: 3, arbitrary: changed }, other, aliases, redaction);
}

const createContent = (id: number): fc.Arbitrary<EventJson> =>
  fc
    .record({
      creator: fc.constantFrom(...USERS.slice(0, 2)),
      federate: fc.constantFrom(undefined, undefined, true, false),
      additional: fc.uniqueArray(anyUser, { maxLength: 2 }),
    })
    .map(({ creator, federate, additional }) => ({
      room_version: String(id),
      ...(id < 11 && { creator }),
      ...(federate !== undefined && { 'm.federate': federate }),
      ...(id >= 12 && { additional_creators: additional }),
    }));

/** Generates cases for every room version. Most users are in the room, because other users may do almost nothing. */
export const authCase: fc.Arbitrary<AuthCase> = fc.integer({ min: 1, max: 12 }).chain((id) =>
  fc
    .record({
      create: createContent(id),
      levels: fc.option(powerLevels(id), { nil: undefined, freq: 6 }),
      rule: fc.option(fc.constantFrom(...JOIN_RULES), { nil: undefined, freq: 6 }),
      memberships: fc.tuple(
        ...USERS.map(() => fc.constantFrom('join', 'join', 'join', undefined, ...MEMBERSHIPS.slice(1))),
      ),
      offer: fc.option(fc.record({ sender: anyUser, isListed: fc.boolean() }), { nil: undefined, freq: 4 }),
      sender: anyUser,
      follows: fc.constantFrom<JudgedEvent['follows']>('events', 'events', 'events', 'create'),
    })
    .chain((room) =>
      draftFor(id, room.levels ?? {}).map((draft): AuthCase => {
        const keys = room.offer?.isListed ? { public_keys: [{ public_key: publicKey }] } : { public_key: publicKey };
        const [creator] = USERS;
        const state: [type: string, stateKey: string, content: EventJson | undefined, sender?: string | undefined][] = [
          ['m.room.create', '', room.create],
          ['m.room.power_levels', '', room.levels],
          ['m.room.join_rules', '', room.rule === undefined ? undefined : { join_rule: room.rule }],
          [
            'm.room.third_party_invite',
            TOKEN,
            room.offer && { display_name: 'x', ...keys },
            room.offer?.sender ?? creator,
          ],
          ...USERS.map((userId, i): [string, string, EventJson | undefined] => {
            const membership = room.memberships[i];
            return ['m.room.member', userId, membership === undefined ? undefined : { membership }];
          }),
        ];
        const { sender, follows } = room;
        return {
          id: String(id),
          version: roomVersionOf(String(id)),
          state: new Map(
            state.flatMap(([type, stateKey, content, by = creator]) =>
              content === undefined
                ? []
                : [[stateName(type, stateKey), { type, state_key: stateKey, sender: by, content }]],
            ),
          ),
          event: { ...draft, sender, follows },
        };
      }),
    ),
);

/** Returns a function that looks up state events in `state`. */
export const lookUpIn =
  (state: ReadonlyMap<string, EventJson>): AuthState =>
  (type, stateKey) =>
    state.get(stateName(type, stateKey));
