import fc from 'fast-check';
import { type EventId, isServerName, isUserId, type RoomId, type ServerName, type UserId } from '../../src/ids.ts';
import { authEventKeys, stateName } from '../../src/matrix/auth-events.ts';
import type { AuthState } from '../../src/matrix/auth-state.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { type BuiltEvent, buildCreateEvent, buildEvent } from '../../src/matrix/build-event.ts';
import { type CheckedEvent, checkEvent } from '../../src/matrix/check-event.ts';
import { resolveState } from '../../src/matrix/resolve-state.ts';
import { type EventJson, roomVersionOf } from '../../src/matrix/room-version.ts';
import { privateKeyOf } from '../../src/matrix/sign-event.ts';
import { finished } from '../support/finished.ts';
import { ROOM_VERSIONS } from './arbitrary-auth.ts';

function checked<Id extends string>(isId: (value: string) => value is Id, value: string): Id {
  if (!isId(value)) throw new Error(`${value} is not an id`);
  return value;
}

const userId = (id: string): UserId => checked(isUserId, id);
const serverName = (name: string): ServerName => checked(isServerName, name);
const USERS = ['@a:one.test', '@b:one.test', '@c:two.test', '@d:two.test', '@e:three.test'].map(userId);
const privateKey = privateKeyOf(Buffer.alloc(32, 1));

/** An attempt by one user to change the state in one branch of a room's history. */
export interface Move {
  readonly branch: number;
  readonly sender: number;
  readonly target: number;
  readonly kind: Kind;
  readonly level: number;
  readonly time: number;
}

const JOIN_RULES = ['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'];
const KINDS = [
  'join',
  'leave',
  'invite',
  'ban',
  'knock',
  'levels',
  'rules',
  'topic',
  'own',
  'merge',
  'forget',
] as const;
type Kind = (typeof KINDS)[number];
type StateChange = { readonly type: string; readonly stateKey: string; readonly content: EventJson };

const BRANCHES = 3;
const LEVELS = [0, 0, 1, 49, 50, 51, 99, 100, 101];

const move: fc.Arbitrary<Move> = fc.record({
  branch: fc.nat(BRANCHES - 1),
  sender: fc.nat(USERS.length - 1),
  target: fc.nat(USERS.length - 1),
  kind: fc.constantFrom(...KINDS, 'levels', 'ban', 'invite'),
  level: fc.constantFrom(...LEVELS),
  time: fc.nat(4),
});

/** Returns the change that a move makes in a given state. */
function changeOf({ sender, target, kind, level, time }: Move, state: State): StateChange {
  const [own = '', other = ''] = [USERS[sender], USERS[target]];
  const member = (stateKey: string, content: EventJson): StateChange => ({
    type: 'm.room.member',
    stateKey,
    content,
  });
  const contentOf = (type: string): EventJson => state.get(stateName(type, ''))?.content ?? {};
  switch (kind) {
    case 'join':
      return member(own, {
        membership: 'join',
        ...(level === 50 && { join_authorised_via_users_server: other }),
      });
    case 'levels': {
      const levels = contentOf('m.room.power_levels');
      const key = ['events_default', 'state_default', 'ban', 'kick', 'invite', 'redact', 'users_default'][
        time + target
      ];
      return {
        type: 'm.room.power_levels',
        stateKey: '',
        content:
          key === undefined || time % 2 === 0
            ? { ...levels, users: { ...(levels.users as EventJson), [other]: level } }
            : { ...levels, [key]: level, events: { 'm.room.topic': level } },
      };
    }
    case 'rules':
      return {
        type: 'm.room.join_rules',
        stateKey: '',
        content: { join_rule: JOIN_RULES[(time + level) % JOIN_RULES.length] },
      };
    case 'topic':
      return { type: 'm.room.topic', stateKey: '', content: { topic: `${level}` } };
    case 'own':
      return { type: 'org.example.own', stateKey: other, content: {} };
    case 'knock':
      return member(own, { membership: 'knock' });
    default:
      return member(other, { membership: kind });
  }
}

type State = Map<string, CheckedEvent>;
interface Branch {
  readonly state: State;
  readonly tips: readonly CheckedEvent[];
}

/** A room whose history has several branches. */
export interface ForkedRoom {
  readonly version: string;
  readonly roomId: RoomId;
  readonly known: Map<EventId, CheckedEvent>;
  readonly branches: readonly Branch[];
  /** All events that users tried to send, each with the state by which it was checked. */
  readonly tried: readonly {
    readonly event: CheckedEvent;
    readonly state: State;
    readonly reason: string | undefined;
  }[];
}

/** Makes a room from moves. Events that the authorisation rules refuse are left out. */
export function playRoom(version: string, moves: readonly Move[]): ForkedRoom {
  const rules = roomVersionOf(version);
  const known = new Map<EventId, CheckedEvent>();
  const tried: { event: CheckedEvent; state: State; reason: string | undefined }[] = [];
  const [creator = userId('@a:one.test')] = USERS;
  const signer = { serverName: serverName('one.test'), keyId: 'ed25519:1', privateKey };
  const created = buildCreateEvent(
    { sender: creator, content: { room_version: version }, originServerTs: 0 },
    rules,
    signer,
  );
  const { roomId } = created;

  const read = ({ event }: BuiltEvent): CheckedEvent => {
    const found = checkEvent(event, roomId, rules);
    if (found === undefined) throw new Error('built an event that is none');
    return found;
  };
  const send = (branch: Branch, sender: UserId, change: StateChange, originServerTs: number): Branch => {
    const { state, tips } = branch;
    const draft = { ...change, sender };
    const authEvents = authEventKeys(draft, rules).flatMap((key) => state.get(stateName(...key)) ?? []);
    const depth = Math.max(...tips.map((tip) => tip.depth)) + 1;
    const own = { ...signer, serverName: serverName(sender.slice(sender.indexOf(':') + 1)) };
    const event = read(
      buildEvent({ ...draft, roomId, originServerTs, depth, authEvents, prevEvents: tips }, rules, own),
    );
    const lookUp: AuthState = (type, stateKey) => state.get(stateName(type, stateKey))?.event;
    const follows = tips.every(({ type }) => type === 'm.room.create') ? 'create' : 'events';
    const reason = authorise({ ...draft, follows }, lookUp, rules);
    tried.push({ event, state, reason });
    if (reason !== undefined) return branch;
    known.set(event.eventId, event);
    return { state: new Map(state).set(stateName(change.type, change.stateKey), event), tips: [event] };
  };

  const create = read(created);
  known.set(create.eventId, create);
  const levels = { users: rules.privilegedCreators ? {} : { [creator]: 100 } };
  const start = [
    { type: 'm.room.member', stateKey: creator, content: { membership: 'join' } },
    { type: 'm.room.power_levels', stateKey: '', content: levels },
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
  ].reduce<Branch>((branch, change) => send(branch, creator, change, 1), {
    state: new Map([[stateName('m.room.create', ''), create]]),
    tips: [create],
  });

  const branches = Array.from({ length: BRANCHES }, () => start);
  for (const one of moves) {
    const branch = branches[one.branch];
    const other = branches[one.target % BRANCHES];
    const sender = USERS[one.sender];
    if (branch === undefined || other === undefined || sender === undefined) continue;
    if (one.kind === 'merge') branches[one.branch] = merge(branch, other, known, version);
    else if (one.kind === 'forget') branches[one.branch] = forget(branch, start, one);
    else branches[one.branch] = send(branch, sender, changeOf(one, branch.state), 2 + one.time);
  }
  return { version, roomId, known, branches, tried };
}

function merge(a: Branch, b: Branch, known: ReadonlyMap<EventId, CheckedEvent>, version: string): Branch {
  const states = [a, b].map(({ state }) => idsOf(state));
  const resolved = finished(resolveState(states, known, roomVersionOf(version)));
  return {
    state: new Map(resolved.map((event) => [stateName(event.type, event.stateKey ?? ''), event])),
    tips: [...new Set([...a.tips, ...b.tips])],
  };
}

/** Simulates a server that got old state from another server. */
function forget({ state, tips }: Branch, start: Branch, { target, time }: Move): Branch {
  const name =
    time < 3
      ? stateName('m.room.member', USERS[target] ?? '')
      : stateName(time === 3 ? 'm.room.join_rules' : 'm.room.power_levels', '');
  const old = start.state.get(name);
  const changed = new Map(state);
  if (old === undefined) changed.delete(name);
  else changed.set(name, old);
  return { state: changed, tips };
}

/** Returns the ids of the events in a state. */
export const idsOf = (state: ReadonlyMap<string, CheckedEvent>): EventId[] =>
  [...state.values()].map(({ eventId }) => eventId);

/** Generates the input of `playRoom()`. A whole room would be too large to print when a property fails. */
export const roomPlan: fc.Arbitrary<[version: string, moves: Move[]]> = fc.tuple(
  fc.constantFrom(...ROOM_VERSIONS),
  fc.array(move, { maxLength: 40, size: 'max' }),
);
