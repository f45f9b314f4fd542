import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventId } from '../../../src/ids.ts';
import { type RoomEventDraft, stateDraftsOf } from '../../../src/rooms/event-chain.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { ALICE, append, BOB, CAROL, createRoom, DAVE, ERIN, messageOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { bodyOfCase, missingFields, pathOfCase, synapseRecording } from '../../support/synapse-recording.ts';

/** Cases in which the plugin differs from Synapse on purpose. `docs/differences-from-synapse.md` has the reasons. */
const DIFFERENCES: Readonly<Record<string, { readonly status: number; readonly errcode?: string }>> = {
  'hierarchy unknown': { status: 404, errcode: 'M_NOT_FOUND' },
  'join a private room': { status: 200 },
  'join remote user': { status: 400, errcode: 'M_INVALID_PARAM' },
};
/** Fields of Synapse's answer for which Dendrite's tables have no value. */
const NO_FIELDS: readonly string[] = ['.results[0].received_ts'];

let plugin: MountedPlugin;
let names: Record<string, string | number>;
beforeAll(async () => {
  plugin = await mountPlugin();
  const alias = `#media:${SERVER_NAME}`;
  const state = stateDraftsOf(ALICE);
  const room = await createRoom(plugin, {
    joinRules: { join_rule: 'public' },
    members: [BOB, CAROL],
    drafts: [state('m.room.canonical_alias', { alias }), state('m.room.name', { name: 'Media room' })],
  });
  await plugin.database.db('roomserver_room_aliases').insert({ alias, room_id: room, creator_id: ALICE });
  const { events } = await append(plugin, room, messageOf(BOB, 'one'), messageOf(BOB, 'two'));
  const redactions = events.map(({ eventId }) => redaction(eventId));
  const found = await append(plugin, room, ...redactions, messageOf(ALICE, 'find me'));
  const space = await createRoom(plugin, {
    content: { type: 'm.space' },
    joinRules: { join_rule: 'public' },
    drafts: [
      state('m.room.name', { name: 'A space' }),
      { ...state('m.space.child', { via: [SERVER_NAME] }), stateKey: room },
    ],
  });
  names = {
    room,
    space,
    alias,
    privateRoom: await createRoom(plugin),
    event: found.events.at(-1)?.eventId ?? '',
    unknownRoom: `!nope:${SERVER_NAME}`,
    unknownEvent: '$nope',
    now: Date.now(),
    future: Date.now() + 1_000_000,
    bob: BOB,
    dave: DAVE,
    erin: ERIN,
    nobody: `@nobody:${SERVER_NAME}`,
    remote: '@x:remote',
  };
});
afterAll(() => plugin.close());

const redaction = (redacts: EventId): RoomEventDraft => ({
  type: 'm.room.redaction',
  sender: BOB,
  content: { reason: 'spam' },
  redacts,
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
