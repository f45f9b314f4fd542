import { describe, expect, test } from 'vitest';
import { isUserId, type UserId } from '../../src/ids.ts';
import { authEventKeys } from '../../src/matrix/auth-events.ts';
import type { AuthState, JudgedEvent } from '../../src/matrix/auth-state.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { type FixtureEvent, fixtureEvents } from './fixture-events.ts';

const user = (id: unknown): UserId => {
  if (typeof id !== 'string' || !isUserId(id)) throw new Error(`${String(id)} is no user id`);
  return id;
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function referencesOf(event: EventJson, key: 'auth_events' | 'prev_events'): string[] {
  const { [key]: references } = event;
  return Array.isArray(references) ? references.map((entry) => (Array.isArray(entry) ? entry[0] : entry)) : [];
}

const events = fixtureEvents();
const byId = new Map(events.map((entry) => [entry.eventId, entry]));
const createOf = (roomId: unknown): FixtureEvent | undefined => byId.get(String(roomId).replace('!', '$'));

/**
 * Returns the state by which an event is checked: its auth events and, since version 12, the create event that the room id
 * identifies.
 */
function authStateOf({ event }: FixtureEvent): AuthState {
  const referred = referencesOf(event, 'auth_events').map((id) => byId.get(id)?.event);
  const state = [...referred, createOf(event.room_id)?.event].filter((found) => found !== undefined);
  return (type, stateKey) => state.find((found) => found.type === type && found.state_key === stateKey);
}

function judged({ event }: FixtureEvent, changes: Partial<JudgedEvent> = {}): JudgedEvent {
  const previous = referencesOf(event, 'prev_events');
  const isFirst = previous.length === 1 && byId.get(previous[0] ?? '')?.event.type === 'm.room.create';
  return {
    type: String(event.type),
    sender: user(event.sender),
    stateKey: typeof event.state_key === 'string' ? event.state_key : undefined,
    content: isRecord(event.content) ? event.content : {},
    redacts: typeof event.redacts === 'string' ? event.redacts : undefined,
    roomId: typeof event.room_id === 'string' ? event.room_id : undefined,
    follows: previous.length === 0 ? 'nothing' : isFirst ? 'create' : 'events',
    ...changes,
  };
}

const isRedacted = ({ event }: FixtureEvent): boolean =>
  isRecord(event.unsigned) && 'redacted_because' in event.unsigned;
/**
 * Tells whether all auth events of an event are stored. They may be missing for events from before the homeserver joined the
 * room.
 */
const isKnown = ({ event }: FixtureEvent): boolean => referencesOf(event, 'auth_events').every((id) => byId.has(id));

describe('events that a Dendrite accepted', () => {
  test('are allowed by their auth events', () => {
    const refused = events
      .filter((entry) => isKnown(entry) && !isRedacted(entry))
      .map((entry) => [entry.eventId, authorise(judged(entry), authStateOf(entry), roomVersionOf(entry.roomVersion))])
      .filter(([, reason]) => reason !== undefined);
    expect(refused).toEqual([]);
  });

  test('are refused from a sender who is not in the room', () => {
    const stranger = user('@stranger:localhost:18448');
    const others = events.filter((entry) => entry.event.type !== 'm.room.create' && judged(entry).follows === 'events');
    expect(others.length).toBeGreaterThan(250);
    for (const entry of others) {
      const changed = judged(entry, { sender: stranger });
      expect(authorise(changed, authStateOf(entry), roomVersionOf(entry.roomVersion)), entry.eventId).toBeDefined();
    }
  });

  test('have the auth events that this code selects', () => {
    const own = events.filter((entry) => isKnown(entry) && !isRedacted(entry));
    for (const entry of own) {
      const keys = authEventKeys(judged(entry), roomVersionOf(entry.roomVersion)).map((key) => key.join(' '));
      const chosen = referencesOf(entry.event, 'auth_events').map((id) => {
        const { type, state_key } = byId.get(id)?.event ?? {};
        return [type, state_key].join(' ');
      });
      expect(
        chosen.filter((key) => !keys.includes(key)),
        entry.eventId,
      ).toEqual([]);
      // The order must be the same, without the entries that the room does not have.
      expect(
        keys.filter((key) => chosen.includes(key)),
        entry.eventId,
      ).toEqual(chosen);
    }
    expect(own.length).toBeGreaterThan(250);
  });
});
