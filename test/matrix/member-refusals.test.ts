import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isServerName } from '../../src/ids.ts';
import type { JudgedEvent } from '../../src/matrix/auth-state.ts';
import type { EventJson } from '../../src/matrix/room-version.ts';
import { privateKeyOf } from '../../src/matrix/sign-event.ts';
import { signJson } from '../../src/matrix/sign-json.ts';
import {
  alice,
  bob,
  carol,
  carolIs,
  member,
  message,
  type Row,
  room,
  type State,
  TOO_LOW,
  verdictOf,
  withLevels,
  without,
  withRule,
} from './judged-room.ts';

const join = (extra: EventJson = {}): JudgedEvent => member(carol, carol, { membership: 'join', ...extra });
const firstJoin = (sender = alice): JudgedEvent => ({
  ...member(sender, sender, { membership: 'join' }),
  follows: 'create',
});
const empty = (content: EventJson = { creator: alice }): State =>
  new Map([...room({ 'm.room.create ': content })].filter(([, { type }]) => type === 'm.room.create'));
const authorisedBy = (userId: string): EventJson => ({ join_authorised_via_users_server: userId });
const UNAUTHORISED = 'no user who may invite has authorised the join';
const JOINS: readonly Row[] = [
  ['of the creator in the create event, as the first join', undefined, firstJoin(bob), empty({ creator: bob })],
  [
    'of the creator in the create event, not as the first join',
    'the user has not been invited',
    firstJoin(bob),
    empty({ creator: bob }),
    '11',
  ],
  [
    'restricted, with a list as the authorising user',
    UNAUTHORISED,
    join({ join_authorised_via_users_server: [bob] }),
    withRule('restricted'),
  ],
  ['of the creator, first', undefined, firstJoin(), empty()],
  ['of another, first', 'the user has not been invited', firstJoin(bob), empty()],
  [
    'of an additional creator, first',
    'the user has not been invited',
    firstJoin(bob),
    empty({ additional_creators: [bob] }),
    '12',
  ],
  ['of the creator, later', 'the user has not been invited', { ...firstJoin(), follows: 'events' }, empty()],
  [
    'for another user',
    'nobody can join for another user',
    member(bob, carol, { membership: 'join' }),
    withRule('public'),
  ],
  ['of who is banned', 'the user is banned', join(), carolIs('ban', { 'm.room.join_rules ': { join_rule: 'public' } })],
  ['where all may', undefined, join(), withRule('public')],
  ['uninvited', 'the user has not been invited', join(), withRule('invite')],
  ['uninvited, without a join rule', 'the user has not been invited', join(), without('m.room.join_rules')],
  ['invited', undefined, join(), carolIs('invite')],
  ['again', undefined, join(), carolIs('join')],
  [
    'after a knock',
    'the user has not been invited',
    join(),
    carolIs('knock', { 'm.room.join_rules ': { join_rule: 'knock' } }),
  ],
  ['by a rule of a later version', 'the join rule forbids joining', join(), withRule('knock'), '6'],
  ['by no rule', 'the join rule forbids joining', join(), withRule('private')],
  ['restricted, invited', undefined, join(), carolIs('invite', { 'm.room.join_rules ': { join_rule: 'restricted' } })],
  ['restricted, authorised', undefined, join(authorisedBy(bob)), withRule('restricted')],
  ['restricted, without an authorising user', UNAUTHORISED, join(), withRule('restricted')],
  ['restricted, with an invalid authorising user', UNAUTHORISED, join(authorisedBy('bob')), withRule('restricted')],
  [
    'restricted, authorised by a user outside of the room',
    UNAUTHORISED,
    join(authorisedBy(carol)),
    withRule('restricted'),
  ],
  [
    'restricted, authorised by a user who may not invite',
    UNAUTHORISED,
    join(authorisedBy(bob)),
    withLevels({ invite: 1 }, { 'm.room.join_rules ': { join_rule: 'restricted' } }),
  ],
];

const invite = member(bob, carol, { membership: 'invite' });
const INVITES: readonly Row[] = [
  ['from the room', undefined, invite, withLevels({ invite: 0 })],
  ['from outside', 'the sender is not in the room', member(carol, '@dan:x', { membership: 'invite' }), room()],
  ['of who is there', 'the user is already in the room', invite, carolIs('join')],
  ['of who is banned', 'the user is banned', invite, carolIs('ban')],
  ['without the power', `${TOO_LOW} invite`, invite, withLevels({ invite: 1 })],
];

const leave = member(carol, carol, { membership: 'leave' });
const kick = member(bob, carol, { membership: 'leave' });
const ban = member(bob, carol, { membership: 'ban' });
const LEAVES: readonly Row[] = [
  ['of who is there', undefined, leave, carolIs('join')],
  ['of who is invited', undefined, leave, carolIs('invite')],
  ['of who has knocked', undefined, leave, carolIs('knock')],
  ['of who has knocked, before one could', 'the user is not in the room', leave, carolIs('knock'), '6'],
  ['of who is banned', 'the user is not in the room', leave, carolIs('ban')],
  ['of who is not there', 'the user is not in the room', leave, room()],
  ['kicked from outside', 'the sender is not in the room', member(carol, bob, { membership: 'leave' }), room()],
  ['kicked by a peer', `${TOO_LOW} kick`, kick, carolIs('join')],
  ['kicked by more power', undefined, kick, carolIs('join', { 'm.room.power_levels ': { users: { [bob]: 50 } } })],
  [
    'kicked by too little power',
    `${TOO_LOW} kick`,
    kick,
    carolIs('join', { 'm.room.power_levels ': { users: { [bob]: 49 } } }),
  ],
  [
    'unbanned by too little power',
    `${TOO_LOW} unban`,
    kick,
    carolIs('ban', { 'm.room.power_levels ': { users: { [bob]: 50 }, ban: 51 } }),
  ],
  ['unbanned', undefined, kick, carolIs('ban', { 'm.room.power_levels ': { users: { [bob]: 50 } } })],
  ['banned from outside', 'the sender is not in the room', member(carol, bob, { membership: 'ban' }), room()],
  ['banned by a peer', `${TOO_LOW} ban`, ban, carolIs('join')],
  ['banned by more power', undefined, ban, carolIs('join', { 'm.room.power_levels ': { users: { [bob]: 50 } } })],
  [
    'banned by too little power',
    `${TOO_LOW} ban`,
    ban,
    carolIs('join', { 'm.room.power_levels ': { users: { [bob]: 49 } } }),
  ],
  ['of an invalid user', 'the member event names no user', member(bob, 'carol', { membership: 'leave' }), room()],
  ['to an unknown membership', 'the membership is unknown', member(bob, bob, { membership: 'toString' }), room()],
];

const knock = member(carol, carol, { membership: 'knock' });
const KNOCK_RULE = { 'm.room.join_rules ': { join_rule: 'knock' } };
const KNOCKS: readonly Row[] = [
  ['where members of others may join', 'the join rule forbids knocking', knock, withRule('restricted')],
  ['where they may knock', undefined, knock, withRule('knock_restricted')],
  ['where one may', undefined, knock, room(KNOCK_RULE)],
  ['where one may not', 'the join rule forbids knocking', knock, room()],
  [
    'for another user',
    'nobody can knock for another user',
    member(bob, carol, { membership: 'knock' }),
    room(KNOCK_RULE),
  ],
  ['again', undefined, knock, carolIs('knock', KNOCK_RULE)],
  ...['ban', 'invite', 'join'].map(
    (membership): Row => [
      `with membership ${membership}`,
      'the user is banned, invited or in the room',
      knock,
      carolIs(membership, KNOCK_RULE),
    ],
  ),
];

const serverName = 'ids.test';
if (!isServerName(serverName)) throw new Error('no server name');
const privateKey = privateKeyOf(Buffer.alloc(32, 3));
const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x;
const signed = signJson({ mxid: carol, token: 'abc' }, { serverName, keyId: 'ed25519:0', privateKey });
const offered = (content: unknown, changes: Record<string, EventJson> = {}): State => {
  const state = room({ 'm.room.third_party_invite abc': {}, ...changes });
  return new Map(
    [...state].map(([name, event]) => [
      name,
      event.type === 'm.room.third_party_invite' ? { ...event, sender: bob, content } : event,
    ]),
  );
};
const accepted = (proof: unknown, sender = bob): JudgedEvent =>
  member(sender, carol, { membership: 'invite', third_party_invite: proof });
const NOT_THEIRS = 'the third-party invite is not for the user';
const NOT_OFFERED = 'the sender has made no such third-party invite';
const UNSIGNED = 'the third-party invite has no valid signature';
const THIRD_PARTY: readonly Row[] = [
  ['offered with nothing', UNSIGNED, accepted({ signed }), offered('x')],
  ['signed by the key', undefined, accepted({ signed }), offered({ public_key: publicKey })],
  [
    'signed by one of the keys',
    undefined,
    accepted({ signed }),
    offered({ public_keys: [1, { public_key: 'x' }, { public_key: publicKey }] }),
  ],
  ['with no key', UNSIGNED, accepted({ signed }), offered({ public_keys: 'x' })],
  ['signed by another', UNSIGNED, accepted({ signed: { ...signed, more: 1 } }), offered({ public_key: publicKey })],
  [
    'of who is banned',
    'the user is banned',
    accepted({ signed }),
    offered({ public_key: publicKey }, { [`m.room.member ${carol}`]: { membership: 'ban' } }),
  ],
  ['of another', NOT_THEIRS, accepted({ signed: { ...signed, mxid: alice } }), offered({ public_key: publicKey })],
  ['without a token', NOT_THEIRS, accepted({ signed: { ...signed, token: 1 } }), offered({ public_key: publicKey })],
  ['of a wrong shape', NOT_THEIRS, accepted('x'), offered({ public_key: publicKey })],
  [
    'with an unknown token',
    NOT_OFFERED,
    accepted({ signed: { ...signed, token: 'x' } }),
    offered({ public_key: publicKey }),
  ],
  ['that another user has made', NOT_OFFERED, accepted({ signed }, alice), offered({ public_key: publicKey })],
  [
    'offered with the power',
    undefined,
    message({ type: 'm.room.third_party_invite', stateKey: 'abc' }),
    withLevels({ invite: 50, users_default: 50 }),
  ],
  [
    'offered without',
    `${TOO_LOW} invite`,
    message({ type: 'm.room.third_party_invite', stateKey: 'abc' }),
    withLevels({ invite: 51, users_default: 50 }),
  ],
];

describe.each<[string, readonly Row[]]>([
  ['joins', JOINS],
  ['invites', INVITES],
  ['leaves and bans', LEAVES],
  ['knocks', KNOCKS],
  ['third-party invites', THIRD_PARTY],
])('verdicts on %s', (_subject, rows) => {
  test.each(rows.map((row) => ({ row, what: row[0], verdict: row[1] })))('$what: $verdict', ({ row, verdict }) => {
    expect(verdictOf(row)).toBe(verdict);
  });
});
