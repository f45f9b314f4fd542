import { describe, expect, test } from 'vitest';
import { authEventKeys, authStateKeys } from '../../src/matrix/auth-events.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';

const alice = '@alice:x';
const bob = '@bob:x';
const carol = '@carol:x';
const CREATE = 'm.room.create ';
const LEVELS = 'm.room.power_levels ';
const RULES = 'm.room.join_rules ';
const member = (userId: string): string => `m.room.member ${userId}`;
const signed = { signed: { token: 'abc' } };
const authorised = { membership: 'join', join_authorised_via_users_server: carol };

type Row = readonly [what: string, type: string, stateKey: string | undefined, EventJson, expected: readonly string[]];
const ROWS: readonly Row[] = [
  ['a message', 'm.room.message', undefined, {}, [LEVELS, member(alice)]],
  ['state that looks like a membership', 'm.x', bob, { membership: 'invite' }, [LEVELS, member(alice)]],
  ['a member event without a state key', 'm.room.member', undefined, { membership: 'join' }, [LEVELS, member(alice)]],
  ['a join', 'm.room.member', alice, { membership: 'join' }, [RULES, LEVELS, member(alice)]],
  ['a knock', 'm.room.member', alice, { membership: 'knock' }, [RULES, LEVELS, member(alice)]],
  ['a leave', 'm.room.member', alice, { membership: 'leave', third_party_invite: signed }, [LEVELS, member(alice)]],
  ['a kick', 'm.room.member', bob, { membership: 'leave' }, [LEVELS, member(alice), member(bob)]],
  ['no membership', 'm.room.member', bob, { membership: 1 }, [LEVELS, member(alice), member(bob)]],
  ['an invite', 'm.room.member', bob, { membership: 'invite' }, [RULES, LEVELS, member(alice), member(bob)]],
  [
    'an invite by a third party',
    'm.room.member',
    bob,
    { membership: 'invite', third_party_invite: signed },
    [RULES, LEVELS, member(alice), member(bob), 'm.room.third_party_invite abc'],
  ],
  [
    'an invite by a third party without a token',
    'm.room.member',
    bob,
    { membership: 'invite', third_party_invite: { signed: { token: 1 } } },
    [RULES, LEVELS, member(alice), member(bob)],
  ],
  ['an authorised join', 'm.room.member', alice, authorised, [RULES, LEVELS, member(alice), member(carol)]],
  [
    'a join authorised by the user',
    'm.room.member',
    alice,
    { ...authorised, join_authorised_via_users_server: alice },
    [RULES, LEVELS, member(alice)],
  ],
  ['an authorised leave', 'm.room.member', alice, { ...authorised, membership: 'leave' }, [LEVELS, member(alice)]],
];

const named = (keys: readonly (readonly [string, string])[]): string[] => keys.map((key) => key.join(' '));

describe('the auth events', () => {
  test.each(ROWS)('of %s', (_what, type, stateKey, content, expected) => {
    const event = { type, sender: alice, stateKey, content };
    expect(named(authEventKeys(event, roomVersionOf('10')))).toEqual([CREATE, ...expected]);
    expect(named(authEventKeys(event, roomVersionOf('12')))).toEqual(expected);
    expect(named(authStateKeys(event, roomVersionOf('12')))).toEqual([CREATE, ...expected]);
  });

  test('of an authorised join are the same as of other joins before version 8', () => {
    const event = { type: 'm.room.member', sender: alice, stateKey: alice, content: authorised };
    expect(named(authEventKeys(event, roomVersionOf('7')))).toEqual([CREATE, RULES, LEVELS, member(alice)]);
  });

  test('of a create event are none', () => {
    const event = { type: 'm.room.create', sender: alice, stateKey: '', content: {} };
    expect(authEventKeys(event, roomVersionOf('10'))).toEqual([]);
  });
});
