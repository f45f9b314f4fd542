import { describe, expect, test } from 'vitest';
import type { UserId } from '../../src/ids.ts';
import type { JudgedEvent } from '../../src/matrix/auth-state.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { lookUpIn, ROOM_VERSIONS } from './arbitrary-auth.ts';
import { alice, bob, carol, create, levels, member, room, withRule } from './judged-room.ts';

const authorised = { membership: 'join', join_authorised_via_users_server: bob };

/** Events, and the first and the last room version in which each is allowed. */
const RULES: readonly [what: string, JudgedEvent, Map<string, EventJson>, from: number, to: number][] = [
  ['a create event with a creator', create({ creator: alice }, '!x:one.test'), new Map(), 1, 11],
  ['a create event without a creator', create({}, '!x:one.test'), new Map(), 11, 11],
  ['a create event in a room of another server', create({ creator: alice }, '!x:two.test'), new Map(), 0, -1],
  ['a create event without a room id', create({ creator: alice }, undefined), new Map(), 12, 12],
  [
    'a create event of an unknown version',
    create({ creator: alice, room_version: 'x' }, '!x:one.test'),
    new Map(),
    0,
    -1,
  ],
  ['creators that are not users', create({ additional_creators: ['bob'] }, undefined), new Map(), 0, -1],
  ['a second create event', { ...create({ creator: alice }, '!x:one.test'), follows: 'events' }, new Map(), 0, -1],
  [
    'aliases of the own server, by one who is not in the room',
    { type: 'm.room.aliases', sender: carol, stateKey: 'two.test', content: {}, follows: 'events' },
    room(),
    1,
    5,
  ],
  [
    'aliases of another server',
    { type: 'm.room.aliases', sender: bob, stateKey: 'one.test', content: {}, follows: 'events' },
    room(),
    6,
    12,
  ],
  [
    'a redaction of what another server has sent, by one who may not redact',
    { type: 'm.room.redaction', sender: bob, content: {}, redacts: '$x:one.test', follows: 'events' },
    room({ 'm.room.power_levels ': {} }),
    3,
    12,
  ],
  ['a knock', member(carol, carol, { membership: 'knock' }), withRule('knock'), 7, 12],
  ['a knock on a restricted room', member(carol, carol, { membership: 'knock' }), withRule('knock_restricted'), 10, 12],
  ['a knock on a room that has to be invited to', member(carol, carol, { membership: 'knock' }), room(), 0, -1],
  ['an authorised join', member(carol, carol, authorised), withRule('restricted'), 8, 12],
  ['an authorised join where one may knock', member(carol, carol, authorised), withRule('knock_restricted'), 10, 12],
  ['an unauthorised join', member(carol, carol, { membership: 'join' }), withRule('restricted'), 0, -1],
  [
    'a join that one who is not in the room authorised',
    member(carol, carol, { ...authorised, join_authorised_via_users_server: carol }),
    withRule('restricted'),
    0,
    -1,
  ],
  [
    'the end of a knock',
    member(carol, carol, { membership: 'leave' }),
    room({ [`m.room.member ${carol}`]: { membership: 'knock' } }),
    7,
    12,
  ],
  ['power levels that are strings', levels({ users: { [carol]: ' +50' } }), room(), 1, 9],
  ['power levels that are not numbers', levels({ users: { [carol]: 'x' } }), room(), 0, -1],
  [
    'power levels beyond all numbers',
    levels({ users: { [carol]: '9'.repeat(400) } }),
    room({ 'm.room.power_levels ': {} }),
    0,
    -1,
  ],
  ['an event level that is not a number', levels({ users: {}, users_default: 50, events: { x: null } }), room(), 1, 9],
  [
    'a notification level above the own one',
    levels({ users: {}, users_default: 50, notifications: { room: 60 } }),
    room(),
    1,
    5,
  ],
  ['a power level for the creator', levels({ users: { [alice]: 50 }, users_default: 50 }), room(), 1, 11],
  [
    'the creator outranking everyone',
    member(alice, bob, { membership: 'ban' }),
    room({ 'm.room.power_levels ': { users: { [bob]: 100 }, users_default: 0 } }),
    12,
    12,
  ],
];

describe('the authorisation rules of each version', () => {
  test.each(RULES)('allow %s in the right versions', (_what, event, state, from, to) => {
    const allowed = ROOM_VERSIONS.filter(
      (id) => authorise(event, lookUpIn(state), roomVersionOf(id)) === undefined,
    ).map(Number);
    expect(allowed).toEqual(ROOM_VERSIONS.map(Number).filter((id) => id >= from && id <= to));
  });

  test('refuse users of other servers in a room that is not federated', () => {
    const state = room({ 'm.room.create ': { creator: alice, 'm.federate': false } });
    for (const id of ROOM_VERSIONS) {
      const verdict = (sender: UserId): string | undefined =>
        authorise(
          { type: 'm.room.message', sender, content: {}, follows: 'events' },
          lookUpIn(state),
          roomVersionOf(id),
        );
      expect([verdict(alice), verdict(bob)]).toEqual([undefined, 'the room does not accept users of other servers']);
    }
  });
});
