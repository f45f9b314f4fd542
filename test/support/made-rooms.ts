import { createPublicKey } from 'node:crypto';
import type { Knex } from 'knex';
import { type EventId, isUserId, type RoomId, type UserId } from '../../src/ids.ts';
import type { EventJson } from '../../src/matrix/room-version.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';
import { type RoomEventDraft, stateDraftsOf } from '../../src/rooms/event-chain.ts';
import type { Appended } from '../../src/rooms/room-writer.ts';
import { createSigningKey, USERS } from './dendrite-server.ts';
import type { MountedPlugin } from './mounted-plugin.ts';
import { RemoteRoom } from './remote-room.ts';

function userNamed(name: keyof typeof USERS): UserId {
  const { user_id: userId } = USERS[name];
  if (!isUserId(userId)) throw new Error(userId);
  return userId;
}

export const [ADMIN, ALICE, BOB, CAROL, DAVE, ERIN] = (['admin', 'alice', 'bob', 'carol', 'dave', 'erin'] as const).map(
  userNamed,
) as [UserId, UserId, UserId, UserId, UserId, UserId];

export const memberOf = (sender: UserId, membership: string, userId = sender): RoomEventDraft => ({
  ...stateDraftsOf(sender)('m.room.member', { membership }),
  stateKey: userId,
});
export const messageOf = (sender: UserId, body = 'hello'): RoomEventDraft => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body },
});

/** A room to create. Without other settings, Alice creates it. */
export interface MadeRoom {
  /** Room version. @defaultValue `10` */
  readonly version?: string;
  readonly creator?: UserId;
  readonly content?: RoomEventDraft['content'];
  /** Power levels. `null` means that the room has no power levels event. @defaultValue only the creator has power */
  readonly powerLevels?: RoomEventDraft['content'] | null;
  /** Join rules. @defaultValue `invite` */
  readonly joinRules?: RoomEventDraft['content'];
  /** Users who join before the join rules are set. @defaultValue nobody */
  readonly members?: readonly UserId[];
  readonly drafts?: readonly RoomEventDraft[];
}

/** Creates a room with the plugin's room writer. Fails if an event is refused. */
export function createRoom({ admin, database }: MountedPlugin, room: MadeRoom = {}): Promise<RoomId> {
  const { version = '10', creator = ALICE, content = {}, members = [], joinRules = { join_rule: 'invite' } } = room;
  const state = stateDraftsOf(creator);
  const levels =
    room.powerLevels === undefined ? { users: version === '12' ? {} : { [creator]: 100 } } : room.powerLevels;
  return database.db.transaction(async (transaction) => {
    const { roomId, refused } = await admin.rooms.create(transaction, {
      version,
      creator,
      content,
      drafts: [
        memberOf(creator, 'join'),
        ...(levels === null ? [] : [state('m.room.power_levels', levels)]),
        state('m.room.join_rules', { join_rule: 'public' }),
        ...members.map((userId) => memberOf(userId, 'join')),
        state('m.room.join_rules', joinRules),
        ...(room.drafts ?? []),
      ],
    });
    if (refused[0] !== undefined) throw refused[0].error;
    return roomId;
  });
}

/** Adds events to a room with the plugin's room writer. */
export const append = (
  { admin, database }: MountedPlugin,
  roomId: RoomId,
  ...drafts: readonly RoomEventDraft[]
): Promise<Appended> => database.db.transaction((transaction) => admin.rooms.append(transaction, roomId, drafts));

/** Adds messages that all follow the same event. So the room has as many forward extremities as there are messages. */
export async function forkRoom(plugin: MountedPlugin, roomId: RoomId, sender: UserId, forks: number): Promise<void> {
  const { db } = plugin.database;
  const room = () => db('roomserver_rooms').where('room_id', roomId);
  const { latest_event_nids: base } = await room().first();
  const nids: string[] = [];
  for (let fork = 0; fork < forks; fork += 1) {
    await room().update({ latest_event_nids: base });
    await append(plugin, roomId, messageOf(sender, `fork ${fork}`));
    nids.push(...(await room().first()).latest_event_nids);
  }
  await room().update({ latest_event_nids: nids });
}

const KEYS: readonly VerifyKey[] = [createSigningKey()].map(({ serverName, keyId, privateKey }) => ({
  serverName,
  keyId,
  publicKey: createPublicKey(privateKey),
}));

async function eventsOf(db: Knex, roomId: string): Promise<EventJson[]> {
  const rows = await db('roomserver_events AS e')
    .join('roomserver_event_json AS j', 'j.event_nid', 'e.event_nid')
    .join('roomserver_rooms AS r', 'r.room_nid', 'e.room_nid')
    .where({ room_id: roomId, sent_to_output: true })
    .orderBy('e.event_nid')
    .select('j.event_json');
  return rows.map(({ event_json: json }) => JSON.parse(json));
}

/** A room as another server sees it. This server checks every event that it receives. */
export interface OtherView {
  /** Receives the events that are new for this server. @returns why it refuses any of them */
  readonly receive: () => Promise<string[]>;
  readonly contentOf: (type: string, stateKey?: string) => unknown;
  readonly extremities: () => number;
  /** Returns the ids of the events that the last `receive()` has received. */
  readonly received: () => readonly EventId[];
}

/** Creates another server's view of a room, with all events so far. */
export async function viewOf(db: Knex, roomId: string): Promise<OtherView> {
  const { room_version: version } = await db('roomserver_rooms').where('room_id', roomId).first();
  const known = await eventsOf(db, roomId);
  const room = new RemoteRoom(version, known);
  let received: EventId[] = [];
  return {
    receive: async () => {
      const results = [];
      const events = await eventsOf(db, roomId);
      for (const event of events.slice(known.length)) results.push(await room.receive(event, async () => KEYS));
      known.push(...events.slice(known.length));
      received = results.map(({ eventId }) => eventId as EventId);
      return results.flatMap(({ error }) => error ?? []);
    },
    contentOf: (type, stateKey = '') => room.state.get(`${type}\0${stateKey}`)?.['content'],
    extremities: () => room.extremities.size,
    received: () => received,
  };
}
