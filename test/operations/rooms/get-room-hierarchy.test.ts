import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import { type RoomEventDraft, stateDraftsOf } from '../../../src/rooms/event-chain.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { ALICE, append, BOB, createRoom, type MadeRoom } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

interface HierarchyRoom {
  readonly room_id: string;
  readonly children_state: { readonly state_key: string }[];
}
interface Page {
  readonly rooms: HierarchyRoom[];
  readonly next_batch?: string;
}

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const state = stateDraftsOf(ALICE);
const get = (roomId: string, query = ''): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/rooms/${encodeURIComponent(roomId)}/hierarchy?${query}`);
async function page(roomId: string, query = ''): Promise<Page> {
  const answer = await get(roomId, query);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}
const idsOf = ({ rooms }: Page): string[] => rooms.map(({ room_id: id }) => id);
const childOf = (roomId: string, content: object = { via: [SERVER_NAME] }): RoomEventDraft => ({
  ...state('m.space.child', { ...content }),
  stateKey: roomId,
});
const createSpace = (children: readonly string[], room: MadeRoom = {}): Promise<RoomId> =>
  createRoom(plugin, {
    ...room,
    content: { type: 'm.space' },
    drafts: children.map((id, n) => childOf(id, { via: [SERVER_NAME], order: String(n) })),
  });

describe('the hierarchy of a space', () => {
  it('has the name, the topic and the other state of each room', async () => {
    const lobby = await createRoom(plugin);
    const roomId = await createRoom(plugin, {
      version: '11',
      members: [BOB],
      joinRules: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: lobby }, { type: 'x' }] },
      drafts: [
        state('m.room.name', { name: 'A room' }),
        state('m.room.topic', { topic: 'About it' }),
        state('m.room.avatar', { url: 'mxc://x/y' }),
        state('m.room.canonical_alias', { alias: `#a:${SERVER_NAME}` }),
        state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
        state('m.room.guest_access', { guest_access: 'can_join' }),
        state('m.room.history_visibility', { history_visibility: 'world_readable' }),
      ],
    });
    expect((await page(roomId)).rooms).toEqual([
      {
        room_id: roomId,
        room_version: '11',
        name: 'A room',
        topic: 'About it',
        avatar_url: 'mxc://x/y',
        canonical_alias: `#a:${SERVER_NAME}`,
        encryption: 'm.megolm.v1.aes-sha2',
        num_joined_members: 2,
        world_readable: true,
        guest_can_join: true,
        join_rule: 'restricted',
        allowed_room_ids: [lobby],
        children_state: [],
      },
    ]);
  });

  it('lists all rooms below a child before the next child', async () => {
    const [a, b, c] = [await createRoom(plugin), await createRoom(plugin), await createRoom(plugin)];
    const inner = await createSpace([a, b]);
    const outer = await createSpace([inner, c]);
    expect(idsOf(await page(outer))).toEqual([outer, inner, a, b, c]);
    expect(idsOf(await page(outer, 'max_depth=1'))).toEqual([outer, inner, c]);
    const top = await page(outer, 'max_depth=0');
    expect(idsOf(top)).toEqual([outer]);
    // The list names the children of a room even if their rooms are not listed.
    expect(top.rooms[0]?.children_state).toEqual([
      {
        type: 'm.space.child',
        state_key: inner,
        sender: ALICE,
        content: { via: [SERVER_NAME], order: '0' },
        origin_server_ts: expect.any(Number),
      },
      expect.objectContaining({ state_key: c }),
    ]);
  });

  it('has the order that the `m.space.child` events define', async () => {
    const rooms: RoomId[] = [];
    for (let n = 0; n < 4; n += 1) rooms.push(await createRoom(plugin));
    const [late = '', early = '', none = '', invalid = ''] = rooms;
    const via = [SERVER_NAME];
    const space = await createRoom(plugin, {
      content: { type: 'm.space' },
      drafts: [childOf(none), childOf(late, { via, order: 'b' }), childOf(early, { via, order: 'a' })],
    });
    const written = Date.now();
    await vi.waitUntil(() => Date.now() > written);
    await append(plugin, space, childOf(invalid, { via, order: 'ü' }));
    const shown = await page(space);
    expect(idsOf(shown)).toEqual([space, early, late, none, invalid]);
    expect(shown.rooms[0]?.children_state.map(({ state_key: id }) => id)).toEqual([early, late, none, invalid]);
  });

  it('ends in a cycle of spaces, and has each room once', async () => {
    const room = await createRoom(plugin);
    const first = await createSpace([room]);
    const second = await createSpace([first, room]);
    await append(plugin, first, childOf(second), childOf(first));
    expect(idsOf(await page(first))).toEqual([first, room, second]);
    expect(idsOf(await page(second))).toEqual([second, first, room]);
  });

  it('leaves out removed children, children of rooms that are not spaces, unknown rooms and rooms that are being purged', async () => {
    const [removed, purged, below] = [await createRoom(plugin), await createRoom(plugin), await createRoom(plugin)];
    const notSpace = await createRoom(plugin, { drafts: [childOf(below)] });
    const space = await createSpace([notSpace, purged, removed, `!far:away.example`, 'no room']);
    await append(plugin, space, childOf(removed, {}));
    await plugin.database.db.transaction((transaction) =>
      hideRoom(transaction, purged, { keep: [], localServerNames: [] }),
    );
    const shown = await page(space);
    expect(idsOf(shown)).toEqual([space, notSpace]);
    expect(shown.rooms.map(({ children_state: children }) => children.length)).toEqual([4, 0]);
  });

  it('comes in pages', async () => {
    const rooms: RoomId[] = [];
    for (let n = 0; n < 5; n += 1) rooms.push(await createRoom(plugin));
    const space = await createSpace(rooms);
    const all = await page(space);
    expect(Object.keys(all)).toEqual(['rooms']);
    const found: string[] = [];
    for (let from: string | undefined = '0'; from !== undefined; ) {
      const part: Page = await page(space, `limit=4&from=${from}`);
      expect(part.rooms.length).toBeLessThanOrEqual(4);
      found.push(...idsOf(part));
      from = part.next_batch;
    }
    expect(found).toEqual(idsOf(all));
    expect(found).toHaveLength(6);
  });

  it.each(['limit=0', 'limit=x', 'from=abc', 'from=-1', 'max_depth=-1', 'max_depth=x'])('refuses %s', async (query) => {
    const answer = await get(await createRoom(plugin), query);
    expect([answer.status, jsonOf(answer)['errcode']]).toEqual([400, 'M_INVALID_PARAM']);
  });
});
