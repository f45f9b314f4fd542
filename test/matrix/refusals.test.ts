import { describe, expect, test } from 'vitest';
import {
  alice,
  bob,
  carol,
  carolIs,
  create,
  levels,
  message,
  type Row,
  room,
  TOO_LOW,
  verdictOf,
  withLevels,
  without,
} from './judged-room.ts';

const GENERAL: readonly Row[] = [
  ['little power, before redactions had no rule of their own', undefined, message(), withLevels({}), '1'],
  [
    'aliases of another server',
    'the aliases belong to another server',
    message({ type: 'm.room.aliases', stateKey: 'one.test' }),
    room(),
    '1',
  ],
  ['a room without a create event', 'the room has no create event', message(), new Map()],
  ['a sender who is not there', 'the sender is not in the room', message({ sender: carol }), room()],
  ['an invited sender', 'the sender is not in the room', message({ sender: carol }), carolIs('invite')],
  ['a sender with enough power', undefined, message(), withLevels({ events_default: 50, users_default: 50 })],
  ['one with less', `${TOO_LOW} send m.room.message`, message(), withLevels({ events_default: 50, users_default: 49 })],
  ['state takes its own level', `${TOO_LOW} send m.x`, message({ type: 'm.x', stateKey: '' }), withLevels({})],
  ['state of another user', 'the state key names another user', message({ type: 'm.x', stateKey: alice }), room()],
  ['state of one self', undefined, message({ type: 'm.x', stateKey: bob }), room()],
  ['state whose key only has an at sign in it', undefined, message({ type: 'm.x', stateKey: `x${alice}` }), room()],
];

const CREATION: readonly Row[] = [
  [
    'after others',
    'the create event has events before it',
    { ...create({}, '!x:one.test'), follows: 'create' },
    room(),
  ],
  [
    'with the room id of another server',
    'the room id belongs to another server',
    create({ creator: alice }, '!x:two.test'),
    new Map(),
  ],
  ['with a room id', 'the room id belongs to another server', create({}, '!x:one.test'), new Map(), '12'],
  [
    'of an unknown version',
    'the room version is unknown',
    create({ room_version: '99' }, '!x:one.test'),
    new Map(),
    '11',
  ],
  ['of a known version', undefined, create({ room_version: '11' }, '!x:one.test'), new Map(), '11'],
  ['without a creator', 'the create event names no creator', create({}, '!x:one.test'), new Map(), '10'],
  ...[['bob'], [bob, 1], 'x', {}].map(
    (others): Row => [
      `with creators ${JSON.stringify(others)}`,
      'the additional creators are not a list of user ids',
      create({ additional_creators: others }, undefined),
      new Map(),
      '12',
    ],
  ),
  ['with more creators', undefined, create({ additional_creators: [bob] }, undefined), new Map(), '12'],
];

const REDACTION = message({ type: 'm.room.redaction', redacts: '$x:one.test' });
const REDACTIONS: readonly Row[] = [
  ['of others', `${TOO_LOW} redact events of other servers`, REDACTION, withLevels({ redact: 50 }), '1'],
  ['of what the own server has sent', undefined, { ...REDACTION, redacts: '$x:two.test' }, withLevels({}), '1'],
  ['with just enough power', undefined, REDACTION, withLevels({ redact: 50, users_default: 50 }), '1'],
];

const LEVELS: readonly Row[] = [
  [
    'that stay above the own',
    undefined,
    levels({ users_default: 50, ban: 90, events: { x: 90 } }),
    withLevels({ users_default: 50, ban: 90, events: { x: 90 } }),
  ],
  ['that nothing takes', undefined, levels({ users_default: 50, other: 90 }), room()],
  [
    'of a user with less, taken away',
    undefined,
    levels({ users_default: 50 }),
    withLevels({ users_default: 50, users: { [carol]: 49 } }),
  ],
  ['of notifications in no group', 'power levels are not grouped in objects', levels({ notifications: 1 }), room()],
  ['of a user who is not a creator', undefined, levels({ users_default: 50, users: { [carol]: 1 } }), room(), '12'],
  [
    'of a creator and another',
    'a power level is given to a creator',
    levels({ users: { [bob]: 1, [alice]: 1 } }),
    room(),
    '12',
  ],
  ['the first', undefined, levels({ users: { [bob]: 100 } }, alice), without('m.room.power_levels')],
  [
    'up to the own level',
    undefined,
    levels({ users_default: 50, users: { [carol]: 50 }, ban: 50, events: { x: 50 } }),
    room(),
  ],
  ['above the own', 'a level above the own level is changed or set', levels({ users_default: 50, ban: 51 }), room()],
  [
    'of events above the own',
    'a level above the own level is changed or set',
    levels({ users_default: 50, events: { x: 51 } }),
    room(),
  ],
  [
    'that was above the own',
    'a level above the own level is changed or set',
    levels({ users_default: 50, events: { x: 0 } }),
    withLevels({ users_default: 50, events: { x: 51 } }),
  ],
  [
    'of a user, above the own',
    'a user would get a higher level than the sender has',
    levels({ users_default: 50, users: { [carol]: 51 } }),
    room(),
  ],
  [
    'of a peer',
    'the level of a user with the same level as the sender is changed',
    levels({ users_default: 50, users: { [carol]: 0 } }),
    withLevels({ users_default: 50, users: { [carol]: 50 } }),
  ],
  [
    'of a user with less',
    undefined,
    levels({ users_default: 50, users: { [carol]: 0 } }),
    withLevels({ users_default: 50, users: { [carol]: 49 } }),
  ],
  [
    'the own, down',
    undefined,
    levels({ users_default: 50, users: { [bob]: 0 } }),
    withLevels({ users_default: 50, users: { [bob]: 50 } }),
  ],
  ['in no groups', 'power levels are not grouped in objects', levels({ events: 1 }), room()],
  ['in no groups, long ago', 'power levels are not grouped in objects', levels({ users: 1 }), room(), '1'],
  ['that are not numbers', 'a power level is not an integer', levels({ ban: '50' }), room()],
  ['of fractions', 'a power level is not an integer', levels({ events: { x: 0.5 } }), room()],
  ['of an invalid user', 'a power level is given to an invalid user id', levels({ users: { bob: 1 } }), room()],
  ['of creators', 'a power level is given to a creator', levels({ users: { [alice]: 1 } }), room(), '12'],
];

describe.each<[string, readonly Row[]]>([
  ['events', GENERAL],
  ['create events', CREATION],
  ['redactions', REDACTIONS],
  ['power levels', LEVELS],
])('verdicts on %s', (_subject, rows) => {
  test.each(rows.map((row) => ({ row, what: row[0], verdict: row[1] })))('$what: $verdict', ({ row, verdict }) => {
    expect(verdictOf(row)).toBe(verdict);
  });
});
