import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventId, isEventId, isUserId, type UserId } from '../../src/ids.ts';
import { stateName } from '../../src/matrix/auth-events.ts';
import type { CheckedEvent } from '../../src/matrix/check-event.ts';
import { resolveState } from '../../src/matrix/resolve-state.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { finished } from '../support/finished.ts';
import { ROOM_VERSIONS } from './arbitrary-auth.ts';
import { type ForkedRoom, idsOf, playRoom, roomPlan } from './arbitrary-room.ts';

const nameOf = ({ type, stateKey }: CheckedEvent): string => stateName(type, stateKey ?? '');
const resolved = ({ known, version }: ForkedRoom, states: readonly (readonly EventId[])[]): EventId[] =>
  finished(resolveState(states, known, roomVersionOf(version))).map(({ eventId }) => eventId);

describe('resolving the states of a room', () => {
  const numRuns = 50;

  test('gives the same state for any order of states and of their events', () => {
    fc.assert(
      fc.property(roomPlan, (plan) => {
        const room = playRoom(...plan);
        const states = room.branches.map(({ state }) => idsOf(state));
        const other = { ...room, known: new Map([...room.known].reverse()) };
        const expected = resolved(room, states).sort();
        expect(resolved(other, states.map((ids) => [...ids].reverse()).reverse()).sort()).toEqual(expected);
      }),
      { numRuns },
    );
  });

  test('does not change a state on which all agree, such as its own result', () => {
    fc.assert(
      fc.property(roomPlan, (plan) => {
        const room = playRoom(...plan);
        const states = room.branches.map(({ state }) => idsOf(state));
        for (const ids of [...states, resolved(room, states)]) {
          expect(resolved(room, [ids, ids]).sort()).toEqual([...ids].sort());
          expect(resolved(room, [ids]).sort()).toEqual([...ids].sort());
        }
      }),
      { numRuns },
    );
  });

  test('keeps entries on which all agree, has one event for each entry, and invents no events', () => {
    fc.assert(
      fc.property(roomPlan, (plan) => {
        const room = playRoom(...plan);
        const [first, ...others] = room.branches.map(({ state }) => state);
        if (first === undefined) throw new Error('no branch');
        const states = [first, ...others].map(idsOf);
        const result = finished(resolveState(states, room.known, roomVersionOf(room.version)));
        const byName = new Map(result.map((event) => [nameOf(event), event]));
        expect(byName.size).toBe(result.length);
        for (const [name, event] of first) {
          if (others.every((state) => state.get(name) === event)) expect(byName.get(name)).toBe(event);
        }
        for (const event of result) expect(room.known.get(event.eventId)).toBe(event);
      }),
      { numRuns },
    );
  });
});

const asUserId = (id: string): UserId => {
  if (!isUserId(id)) throw new Error(`${id} is no user id`);
  return id;
};
const asEventId = (id: string): EventId => {
  if (!isEventId(id)) throw new Error(`${id} is no event id`);
  return id;
};
const [alice, bob, carol] = ['@alice:one.test', '@bob:two.test', '@carol:three.test'].map(asUserId) as [
  UserId,
  UserId,
  UserId,
];

/** The events of a room, each with a name. They follow each other in the order in which they are added. */
class Story {
  readonly known = new Map<EventId, CheckedEvent>();
  readonly version: string;

  constructor(version: string) {
    this.version = version;
    this.tell('create', alice, 'm.room.create', '', { creator: alice }, []);
    this.member('alice', alice, alice, 'join', ['create']);
  }

  tell(
    name: string,
    sender: UserId,
    type: string,
    stateKey: string,
    content: EventJson,
    auth: readonly string[],
  ): void {
    const at = this.known.size;
    const isImplied = this.version === '12';
    const authEventIds = auth.filter((id) => !isImplied || id !== 'create').map((id) => asEventId(`$${id}`));
    const event = { type, sender, state_key: stateKey, content };
    const prevEventIds = type === 'm.room.create' ? [] : [asEventId(name === 'alice' ? '$create' : '$x')];
    const eventId = asEventId(`$${name}`);
    const fields = { eventId, event, type, sender, stateKey, content, authEventIds, prevEventIds };
    this.known.set(eventId, { ...fields, depth: at, originServerTs: at });
  }

  member(name: string, sender: UserId, target: UserId, membership: string, auth: readonly string[]): void {
    this.tell(name, sender, 'm.room.member', target, { membership }, auth);
  }

  levels(name: string, sender: UserId, users: Record<string, number>, auth: readonly string[]): void {
    // Since version 12, creators have no entry in the power levels. Before, Alice has the level 100.
    const all = this.version === '12' ? users : { [alice]: 100, ...users };
    this.tell(name, sender, 'm.room.power_levels', '', { users: all }, auth);
  }

  rules(name: string, sender: UserId, rule: string, auth: readonly string[]): void {
    this.tell(name, sender, 'm.room.join_rules', '', { join_rule: rule }, auth);
  }

  topic(name: string, sender: UserId, auth: readonly string[]): void {
    this.tell(name, sender, 'm.room.topic', '', { topic: name }, auth);
  }

  resolve(...states: string[][]): string[] {
    const ids = states.map((names) => names.map((name) => asEventId(`$${name}`)));
    return finished(resolveState(ids, this.known, roomVersionOf(this.version)))
      .map(({ eventId }) => eventId.slice(1))
      .sort();
  }
}

describe.each(ROOM_VERSIONS)('a room of version %s', (version) => {
  /** Makes a room that Alice has created and in which Bob has power. */
  function started(): Story {
    const story = new Story(version);
    story.levels('levels', alice, { [bob]: 50 }, ['create', 'alice']);
    story.rules('public', alice, 'public', ['create', 'alice', 'levels']);
    story.member('bob', bob, bob, 'join', ['create', 'levels', 'public']);
    return story;
  }
  const base = ['create', 'alice'];

  test('picks the later of two topics', () => {
    const story = started();
    story.topic('first', alice, ['create', 'alice', 'levels']);
    story.topic('second', bob, ['create', 'bob', 'levels']);
    const rest = [...base, 'levels', 'public', 'bob'];
    expect(story.resolve([...rest, 'first'], [...rest, 'second'])).toEqual([...rest, 'second'].sort());
  });

  test('bans a user who changes the topic and the power levels in the meantime', () => {
    const story = started();
    story.member('ban', alice, bob, 'ban', ['create', 'alice', 'levels', 'bob']);
    story.levels('changed', bob, { [bob]: 50, [carol]: 50 }, ['create', 'bob', 'levels']);
    story.topic('topic', bob, ['create', 'bob', 'changed']);
    const result = story.resolve([...base, 'levels', 'public', 'ban'], [...base, 'changed', 'public', 'bob', 'topic']);
    // In version 1, a topic that only one state has is not in conflict, so it stays.
    expect(result).toEqual([...base, 'levels', 'public', 'ban', ...(version === '1' ? ['topic'] : [])].sort());
  });

  test('refuses a user who joins under rules that have changed in the meantime', () => {
    const story = started();
    story.rules('invite', alice, 'invite', ['create', 'alice', 'levels']);
    story.member('carol', carol, carol, 'join', ['create', 'levels', 'public']);
    const rest = [...base, 'levels', 'bob'];
    const result = story.resolve([...rest, 'invite'], [...rest, 'public', 'carol']);
    // In version 1, a membership that only one state has is not in conflict, so it stays.
    expect(result).toEqual([...rest, 'invite', ...(version === '1' ? ['carol'] : [])].sort());
  });

  test('keeps rules of a user who has since left, although a server sends older rules: from version 12 on', () => {
    const story = started();
    story.rules('invite', alice, 'invite', ['create', 'alice', 'levels', 'public']);
    story.member('left', alice, alice, 'leave', ['create', 'alice', 'levels']);
    const rest = ['create', 'left', 'levels', 'bob'];
    const result = story.resolve([...rest, 'invite'], [...rest, 'public']);
    // Version 1 takes the first of the two events, whoever sent it.
    const rules = { '1': ['public'], '12': ['invite'] }[version] ?? [];
    expect(result).toEqual([...rest, ...rules].sort());
  });

  test('keeps levels granted by a user who got them before, although a server sends older levels: from version 12 on', () => {
    const story = new Story(version);
    story.levels('first', alice, {}, ['create', 'alice']);
    story.rules('public', alice, 'public', ['create', 'alice', 'first']);
    story.member('bob', bob, bob, 'join', ['create', 'first', 'public']);
    story.member('carol', carol, carol, 'join', ['create', 'first', 'public']);
    story.levels('second', alice, { [bob]: 50 }, ['create', 'alice', 'first']);
    story.levels('third', bob, { [bob]: 50, [carol]: 50 }, ['create', 'bob', 'second']);
    story.topic('topic', carol, ['create', 'carol', 'third']);
    const rest = [...base, 'public', 'bob', 'carol', 'topic'];
    const levels = version === '12' ? 'third' : 'first';
    expect(story.resolve([...rest, 'third'], [...rest, 'first'])).toEqual([...rest, levels].sort());
  });

  test('keeps levels granted under power levels that no state contains any more: from version 2 on', () => {
    const story = new Story(version);
    story.levels('first', alice, {}, ['create', 'alice']);
    story.rules('public', alice, 'public', ['create', 'alice', 'first']);
    story.member('bob', bob, bob, 'join', ['create', 'first', 'public']);
    story.levels('second', alice, { [bob]: 50 }, ['create', 'alice', 'first']);
    story.levels('third', bob, { [bob]: 50, [carol]: 50 }, ['create', 'bob', 'second']);
    const rest = [...base, 'public', 'bob'];
    const levels = version === '1' ? 'first' : 'third';
    expect(story.resolve([...rest, 'third'], [...rest, 'first'])).toEqual([...rest, levels].sort());
  });
});
