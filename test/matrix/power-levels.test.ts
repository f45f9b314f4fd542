import { describe, expect, test } from 'vitest';
import { isUserId, type UserId } from '../../src/ids.ts';
import { levelOf, powerLevelOf, requiredLevel, requiredLevelToSend } from '../../src/matrix/power-levels.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';

function user(id: string): UserId {
  if (!isUserId(id)) throw new Error(`${id} is no user id`);
  return id;
}
const alice = user('@alice:example.org');
const bob = user('@bob:example.org');
const created = (content: Record<string, unknown> = {}): Record<string, unknown> => ({ sender: alice, content });

describe('power levels', () => {
  test('default to 100 for the creator and 0 for others', () => {
    const named = { create: created({ creator: bob }), powerLevels: undefined };
    expect(powerLevelOf(named, roomVersionOf('10'), bob)).toBe(100);
    expect(powerLevelOf(named, roomVersionOf('10'), alice)).toBe(0);
    expect(powerLevelOf(named, roomVersionOf('11'), alice)).toBe(100);
    expect(requiredLevelToSend(named, roomVersionOf('10'), { type: 'm.room.message' })).toBe(0);
    expect(requiredLevel(named, roomVersionOf('10'), 'redact')).toBe(50);
  });

  test('are read from the event if it has them', () => {
    const content = { users: { [bob]: 10 }, users_default: 5, events: { 'm.x': 60 }, events_default: 7, redact: 80 };
    const state = { create: created(), powerLevels: { content } };
    const version = roomVersionOf('10');
    expect([powerLevelOf(state, version, bob), powerLevelOf(state, version, alice)]).toEqual([10, 5]);
    expect(requiredLevelToSend(state, version, { type: 'm.x' })).toBe(60);
    expect(requiredLevelToSend(state, version, { type: 'm.room.message' })).toBe(7);
    expect(requiredLevelToSend(state, version, { type: 'toString' })).toBe(7);
    expect(requiredLevel(state, version, 'redact')).toBe(80);
  });

  test('may be strings only before version 10', () => {
    const state = { create: created(), powerLevels: { content: { users: { [bob]: ' 50 ' }, users_default: 'many' } } };
    expect(powerLevelOf(state, roomVersionOf('9'), bob)).toBe(50);
    expect(powerLevelOf(state, roomVersionOf('9'), alice)).toBe(0);
    expect(powerLevelOf(state, roomVersionOf('10'), bob)).toBe(0);
  });

  test.each<[string, unknown, number | undefined]>([
    ['9', '50', 50],
    ['9', '  +50  ', 50],
    ['9', '-5', -5],
    ['9', 'x50', undefined],
    ['9', '50x', undefined],
    ['9', '5 0', undefined],
    ['9', '', undefined],
    ['9', ['50'], undefined],
    ['9', 50.9, 50],
    ['10', '50', undefined],
    ['10', 50, 50],
    ['10', Number.POSITIVE_INFINITY, undefined],
  ])('in version %s spelled %j are %j', (version, value, level) => {
    expect(levelOf(value, roomVersionOf(version))).toBe(level);
  });

  test('are infinite for creators since version 12', () => {
    const create = created({ additional_creators: [bob] });
    const state = { create, powerLevels: { content: { users_default: 0 } } };
    expect(powerLevelOf(state, roomVersionOf('12'), alice)).toBe(Number.POSITIVE_INFINITY);
    expect(powerLevelOf(state, roomVersionOf('12'), bob)).toBe(Number.POSITIVE_INFINITY);
    expect(powerLevelOf(state, roomVersionOf('11'), bob)).toBe(0);
  });
});

test('an unknown room version is refused', () => {
  for (const id of ['', '0', '13', 'toString', '__proto__']) {
    expect(() => roomVersionOf(id)).toThrow(expect.objectContaining({ status: 400 }));
  }
});
