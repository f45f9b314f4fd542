import { isUserId, type UserId } from '../../src/ids.ts';
import { stateName } from '../../src/matrix/auth-events.ts';
import type { JudgedEvent } from '../../src/matrix/auth-state.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { lookUpIn } from './arbitrary-auth.ts';

function user(id: string): UserId {
  if (!isUserId(id)) throw new Error(`${id} is no user id`);
  return id;
}
export const [alice, bob, carol] = [user('@alice:one.test'), user('@bob:two.test'), user('@carol:two.test')];

/** Makes the state of a room that Alice has created and Bob has joined. */
export function room(changes: Record<string, EventJson> = {}): Map<string, EventJson> {
  const state = {
    'm.room.create ': { creator: alice },
    'm.room.power_levels ': { users: {}, users_default: 50 },
    'm.room.join_rules ': { join_rule: 'invite' },
    [`m.room.member ${alice}`]: { membership: 'join' },
    [`m.room.member ${bob}`]: { membership: 'join' },
    ...changes,
  };
  return new Map(
    Object.entries(state).map(([name, content]) => {
      const [type = '', stateKey = ''] = name.split(' ');
      return [stateName(type, stateKey), { type, state_key: stateKey, sender: alice, content }];
    }),
  );
}
export const withRule = (rule: string): Map<string, EventJson> => room({ 'm.room.join_rules ': { join_rule: rule } });

export const member = (sender: UserId, stateKey: string, content: EventJson): JudgedEvent => ({
  type: 'm.room.member',
  sender,
  stateKey,
  content,
  follows: 'events',
});
export const levels = (content: EventJson, sender = bob): JudgedEvent => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content,
  follows: 'events',
});
export const create = (content: EventJson, roomId: string | undefined): JudgedEvent => ({
  type: 'm.room.create',
  sender: alice,
  stateKey: '',
  content,
  follows: 'nothing',
  ...(roomId !== undefined && { roomId }),
});

/** The state of a room. The keys are made by `stateName()`. */
export type State = Map<string, EventJson>;
/** An event, and the expected result of checking it. The result `undefined` means that the event is allowed. */
export type Row = readonly [
  what: string,
  verdict: string | undefined,
  event: JudgedEvent,
  state: State,
  version?: string,
];

/** The beginning of every refusal that says that a power level is too low. */
export const TOO_LOW = 'the power level is too low to';

export const withLevels = (content: EventJson, changes: Record<string, EventJson> = {}): State =>
  room({ 'm.room.power_levels ': content, ...changes });
export const carolIs = (membership: string, changes: Record<string, EventJson> = {}): State =>
  room({ [`m.room.member ${carol}`]: { membership }, ...changes });
export const message = (fields: Partial<JudgedEvent> = {}): JudgedEvent => ({
  type: 'm.room.message',
  sender: bob,
  content: {},
  follows: 'events',
  ...fields,
});

export function without(type: string): State {
  return new Map([...room()].filter(([, event]) => event.type !== type));
}

/** Returns the result of checking a row's event. */
export const verdictOf = ([, , event, state, version = '10']: Row): string | undefined =>
  authorise(event, lookUpIn(state), roomVersionOf(version));
