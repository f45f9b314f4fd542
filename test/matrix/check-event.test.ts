import { describe, expect, test } from 'vitest';
import { isEventId, isRoomId, type RoomId } from '../../src/ids.ts';
import {
  authoriseByAuthEvents,
  type CheckedEvent,
  checkEvent,
  judgedAs,
  signersOf,
} from '../../src/matrix/check-event.ts';
import { type EventJson, type RoomVersion, roomVersionOf } from '../../src/matrix/room-version.ts';
import { fixtureEvents } from './fixture-events.ts';

const asRoomId = (id: string): RoomId => {
  if (!isRoomId(id)) throw new Error(`${id} is no room id`);
  return id;
};
const roomIdOf = (event: EventJson, eventId: string): RoomId =>
  asRoomId(typeof event.room_id === 'string' ? event.room_id : `!${eventId.slice(1)}`);

interface Received {
  readonly checked: CheckedEvent;
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  readonly isRedacted: boolean;
}

const received = fixtureEvents().map(({ event, eventId, roomVersion }): Received => {
  const version = roomVersionOf(roomVersion);
  const roomId = roomIdOf(event, eventId);
  const checked = checkEvent(event, roomId, version);
  if (checked === undefined) throw new Error(`${eventId} is no event`);
  return { checked, roomId, version, isRedacted: checked.content !== event.content };
});
const byId = new Map(received.map(({ checked }) => [checked.eventId, checked]));
const createOf = (roomId: RoomId): CheckedEvent | undefined =>
  received.find((one) => one.roomId === roomId && one.checked.type === 'm.room.create')?.checked;
const verdictOf = ({ checked, roomId, version }: Received, changes: Partial<CheckedEvent> = {}): string | undefined =>
  authoriseByAuthEvents({ ...checked, ...changes }, (id) => byId.get(id), createOf(roomId), version);
/** Events of which all auth events are stored. They may be missing for events from before the homeserver joined the room. */
const whole = received.filter(({ checked }) => checked.authEventIds.every((id) => byId.has(id)));

describe('events that a Dendrite wrote', () => {
  test('are allowed by the auth events that they name, redacted or not', () => {
    const refused = whole.map((one) => [one.checked.eventId, verdictOf(one)]).filter(([, reason]) => reason);
    expect(refused).toEqual([]);
    expect(whole.length).toBeGreaterThan(250);
    expect(whole.some(({ isRedacted }) => isRedacted)).toBe(true);
  });

  test('are refused with other auth events', () => {
    for (const one of whole.filter(({ checked }) => checked.authEventIds.length > 0)) {
      const { authEventIds, eventId } = one.checked;
      const [first] = authEventIds;
      const foreign = received.find(({ checked }) => checked.type === 'm.room.message')?.checked.eventId;
      const unknown = authEventIds.map((id) => (id === first ? '$unknown' : id)) as typeof authEventIds;
      for (const changed of [[...authEventIds, ...authEventIds], [...authEventIds, foreign ?? eventId], unknown]) {
        expect(verdictOf(one, { authEventIds: changed }), eventId).toBeDefined();
      }
      const withoutCreate = authEventIds.filter((id) => byId.get(id)?.type !== 'm.room.create');
      const createId = createOf(one.roomId)?.eventId;
      const wrong = one.version.privilegedCreators && createId ? [...authEventIds, createId] : withoutCreate;
      expect(verdictOf(one, { authEventIds: wrong }), eventId).toBeDefined();
    }
  });

  test('are refused after a change', () => {
    const ofMembers = whole.filter(({ checked }) => checked.type === 'm.room.member');
    expect(ofMembers.length).toBeGreaterThan(50);
    for (const one of whole) {
      const { type, eventId, sender, authEventIds } = one.checked;
      const changes: Partial<CheckedEvent>[] = [
        ...(type === 'm.room.create' ? [{ prevEventIds: [eventId] }] : []),
        ...(authEventIds.length > 0 ? [{ authEventIds: [] }] : []),
        ...(type === 'm.room.member' ? [{ stateKey: undefined }, { content: { membership: 'member' } }] : []),
        ...(type === 'm.room.power_levels' ? [{ content: { users: { [sender]: 1.5, nobody: 1 } } }] : []),
      ];
      for (const change of changes) expect(verdictOf(one, change), eventId).toBeDefined();
    }
  });

  test('are redacted if their content was changed, and are invalid with another room, shape or size', () => {
    for (const { checked, roomId, version, isRedacted } of received) {
      const { event, eventId } = checked;
      // Since version 11, a redaction keeps the whole create event. So an event with a changed content has another id.
      const isProtected = version.redaction === 11 && checked.type === 'm.room.create';
      if (!isRedacted && !isProtected) {
        const changed = checkEvent({ ...event, content: { ...checked.content, more: 1 } }, roomId, version);
        expect(changed?.eventId, eventId).toBe(eventId);
        expect(Object.hasOwn(changed?.content ?? {}, 'more'), eventId).toBe(false);
      }
      const wrong = [
        { room_id: '!other:x' },
        { depth: 1.5 },
        { origin_server_ts: '1' },
        { sender: 'x' },
        { hashes: 1 },
      ];
      for (const change of wrong) expect(checkEvent({ ...event, ...change }, roomId, version), eventId).toBeUndefined();
    }
  });
});

describe('servers that must have signed', () => {
  const event = (content: EventJson, type = 'm.room.member'): CheckedEvent => {
    const [one] = received.filter(({ version }) => version.eventIds === 'random');
    if (one === undefined) throw new Error('no event');
    const eventId = '$x:id.test' as CheckedEvent['eventId'];
    return { ...one.checked, type, content, eventId, sender: '@a:sender.test' as CheckedEvent['sender'] };
  };
  const restricted = { membership: 'join', join_authorised_via_users_server: '@b:other.test' };
  test.each([
    ['a message', event({}, 'm.room.message'), ['sender.test']],
    ['a join', event({ membership: 'join' }), ['sender.test']],
    ['an authorised join', event(restricted), ['sender.test', 'other.test']],
    ['a third-party invite', event({ membership: 'invite', third_party_invite: {} }), []],
    ['an invite', event({ membership: 'invite' }), ['sender.test']],
    ['a leave with a third-party invite', event({ membership: 'leave', third_party_invite: {} }), ['sender.test']],
    ['a message with one', event({ membership: 'invite', third_party_invite: {} }, 'm.x'), ['sender.test']],
    ['an authorised leave', event({ ...restricted, membership: 'leave' }), ['sender.test']],
    ['an authorised message', event(restricted, 'm.x'), ['sender.test']],
  ])('%s', (_what, checked, expected) => {
    expect(signersOf(checked, roomVersionOf('10'))).toEqual(expected);
    expect(signersOf(checked, roomVersionOf('2')).sort()).toEqual(
      [...expected.filter((name) => name !== 'other.test'), 'id.test'].sort(),
    );
  });
});

test('an event is judged as the first only right after the create event', () => {
  const [one] = received;
  const create = received.find(({ checked }) => checked.type === 'm.room.create')?.checked;
  if (one === undefined || create === undefined) throw new Error('no events');
  const other = { ...create, type: 'm.x' };
  const known = new Map<string, CheckedEvent>([
    ['$create', create],
    ['$other', other],
  ]);
  const find = (id: string): CheckedEvent | undefined => known.get(id);
  const follows = (...prevEventIds: string[]): string =>
    judgedAs({ ...one.checked, prevEventIds: prevEventIds.filter(isEventId) }, find).follows;
  expect([follows(), follows('$create'), follows('$other'), follows('$gone')]).toEqual([
    'nothing',
    'create',
    'events',
    'events',
  ]);
  expect([follows('$create', '$other'), follows('$create', '$create')]).toEqual(['events', 'events']);
  const judged = judgedAs({ ...one.checked, event: { room_id: 1, redacts: 1 } }, find);
  expect([judged.roomId, judged.redacts]).toEqual([undefined, undefined]);
});
