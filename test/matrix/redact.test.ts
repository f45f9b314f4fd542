import { describe, expect, test } from 'vitest';
import { redact } from '../../src/matrix/redact.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';

const VERSIONS = Array.from({ length: 12 }, (_, index) => index + 1);

/** The first and the last room version in which a redaction keeps a key of an event's content. */
const SURVIVES: readonly [type: string, key: string, from: number, to: number][] = [
  ['m.room.message', 'body', 0, -1],
  ['m.room.aliases', 'aliases', 1, 5],
  ['m.room.member', 'membership', 1, 12],
  ['m.room.member', 'displayname', 0, -1],
  ['m.room.member', 'join_authorised_via_users_server', 9, 12],
  ['m.room.create', 'creator', 1, 12],
  ['m.room.create', 'predecessor', 11, 12],
  ['m.room.join_rules', 'join_rule', 1, 12],
  ['m.room.join_rules', 'allow', 8, 12],
  ['m.room.power_levels', 'users', 1, 12],
  ['m.room.power_levels', 'invite', 11, 12],
  ['m.room.power_levels', 'notifications', 0, -1],
  ['m.room.history_visibility', 'history_visibility', 1, 12],
  ['m.room.redaction', 'redacts', 11, 12],
];

describe('redact', () => {
  test.each(SURVIVES)('%s: %s survives in versions %i to %i', (type, key, from, to) => {
    for (const version of VERSIONS) {
      const { content } = redact({ type, content: { [key]: 'kept', other: 1 } }, roomVersionOf(String(version)));
      const other = type === 'm.room.create' && version >= 11 ? { other: 1 } : {};
      expect(content, `version ${version}`).toEqual(
        version >= from && version <= to ? { [key]: 'kept', ...other } : other,
      );
    }
  });

  test('keeps only the signed part of a third-party invite, since version 11', () => {
    const event = {
      type: 'm.room.member',
      content: { third_party_invite: { signed: { mxid: 1 }, display_name: 'x' } },
    };
    expect(redact(event, roomVersionOf('10')).content).toEqual({});
    expect(redact(event, roomVersionOf('11')).content).toEqual({ third_party_invite: { signed: { mxid: 1 } } });
  });

  test('drops the fields that version 11 no longer protects', () => {
    const event = { type: 'x', content: {}, origin: 'a', membership: 'b', prev_state: [], unsigned: {}, redacts: '$x' };
    expect(redact(event, roomVersionOf('10'))).toEqual({
      type: 'x',
      content: {},
      origin: 'a',
      membership: 'b',
      prev_state: [],
    });
    expect(redact(event, roomVersionOf('11'))).toEqual({ type: 'x', content: {} });
  });

  test('replaces content that is not an object with one, and ignores names of Object.prototype', () => {
    expect(redact({ type: 'toString', content: 'x' }, roomVersionOf('6'))).toEqual({ type: 'toString', content: {} });
    expect(redact({ type: 'constructor', content: { body: 'x' } }, roomVersionOf('6')).content).toEqual({});
  });
});
