import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EventId, type RoomId, type UserId, userIdOf } from '../../../src/ids.ts';
import { type RoomEventDraft, stateDraftsOf } from '../../../src/rooms/event-chain.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { bodyOfCase, missingFields, pathOfCase, synapseRecording } from '../../support/synapse-recording.ts';

const [ALICE, BOB, CAROL] = ['alice', 'bob', 'carol'].map((name) => userIdOf(name, SERVER_NAME)) as [
  UserId,
  UserId,
  UserId,
];

/** Cases with an intended difference. `docs/differences-from-synapse.md` gives the reasons. */
const DIFFERENCES: Readonly<Record<string, { readonly status: number; readonly errcode?: string }>> = {
  'hierarchy unknown': { status: 404, errcode: 'M_NOT_FOUND' },
};
/** Fields of Synapse's answer that Dendrite's tables lack. */
const NO_FIELDS: readonly string[] = ['.results[0].received_ts'];

let plugin: MountedPlugin;
let names: Record<string, string | number>;
beforeAll(async () => {
  plugin = await mountPlugin();
  const alias = `#media:${SERVER_NAME}`;
  const room = await createRoom({}, [
    stateDraftsOf(ALICE)('m.room.canonical_alias', { alias }),
    stateDraftsOf(ALICE)('m.room.name', { name: 'Media room' }),
    ...[BOB, CAROL].map((userId) => member(userId)),
  ]);
  await plugin.database.db('roomserver_room_aliases').insert({ alias, room_id: room, creator_id: ALICE });
  const [first, second] = await append(room, [message(BOB, 'one'), message(BOB, 'two')]);
  const [, , event] = await append(room, [redaction(first), redaction(second), message(ALICE, 'find me')]);
  const space = await createRoom({ type: 'm.space' }, [
    stateDraftsOf(ALICE)('m.room.name', { name: 'A space' }),
    { ...stateDraftsOf(ALICE)('m.space.child', { via: [SERVER_NAME] }), stateKey: room },
  ]);
  names = {
    room,
    space,
    alias,
    event: event ?? '',
    unknownRoom: `!nope:${SERVER_NAME}`,
    unknownEvent: '$nope',
    now: Date.now(),
    future: Date.now() + 1_000_000,
  };
});
afterAll(() => plugin.close());

const member = (userId: UserId): RoomEventDraft => ({
  ...stateDraftsOf(userId)('m.room.member', { membership: 'join' }),
  stateKey: userId,
});
const message = (sender: UserId, body: string): RoomEventDraft => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body },
});
const redaction = (redacts: EventId | undefined): RoomEventDraft => ({
  type: 'm.room.redaction',
  sender: BOB,
  content: { reason: 'spam' },
  ...(redacts !== undefined && { redacts }),
});

const append = (roomId: RoomId, drafts: readonly RoomEventDraft[]): Promise<EventId[]> =>
  plugin.database.db.transaction(async (transaction) => {
    const { events } = await plugin.admin.rooms.append(transaction, roomId, drafts);
    return events.map(({ eventId }) => eventId);
  });

const createRoom = (content: object, drafts: readonly RoomEventDraft[]): Promise<RoomId> =>
  plugin.database.db.transaction(async (transaction) => {
    const state = stateDraftsOf(ALICE);
    const { roomId } = await plugin.admin.rooms.create(transaction, {
      version: '10',
      creator: ALICE,
      content: { ...content },
      drafts: [
        member(ALICE),
        state('m.room.power_levels', { users: { [ALICE]: 100 } }),
        state('m.room.join_rules', { join_rule: 'public' }),
        ...drafts,
      ],
    });
    return roomId;
  });

describe('what a Synapse was asked', () => {
  it.each(synapseRecording('rooms-extras').map((recorded) => [recorded.case, recorded] as const))(
    'is answered as it did: %s',
    async (name, recorded) => {
      const answer = await plugin.asAdmin(pathOfCase(recorded, names), {
        method: recorded.method,
        ...bodyOfCase(recorded, names),
      });
      const { status, response } = recorded;
      const { errcode } = response as { errcode?: string };
      const expected = DIFFERENCES[name] ?? { status, errcode };
      const body = jsonOf(answer);
      expect([answer.status, body['errcode']], answer.text).toEqual([expected.status, expected.errcode]);
      if (name in DIFFERENCES) return;
      expect(missingFields(response, body).filter((path) => !NO_FIELDS.includes(path))).toEqual([]);
    },
  );
});
