import { expect, it } from 'vitest';
import type { EventId, RoomId } from '../../../src/ids.ts';
import type { RoomEventDraft } from '../../../src/rooms/event-chain.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { missingAuthEvents, restOf, timelineOf } from '../../support/history-checks.ts';
import { countFromEnvironment, tellOfLongVersion } from '../../support/long-version.ts';
import { ALICE, append, BOB, CAROL, createRoom, forkRoom, memberOf, messageOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

/** Number of events in the room. `COUNT=20000 POINTS=20` runs the long version. */
const COUNT = countFromEnvironment('COUNT', 400);
/** Number of purges. Each has a copy of the room of its own. */
const POINTS = countFromEnvironment('POINTS', 3);
/** Number of events that are written in one transaction. */
const BATCH = 100;
/** After one of this many batches, the room has several forward extremities, which the next batch joins. */
const FORK_EVERY = 3;

let seed = countFromEnvironment('POINT_SEED', 20_261_128);
const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
const oneOf = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];

/** Drafts of random events. `members` has the members of the room besides Alice, and follows the drafts. */
function draftsOf(members: Set<typeof BOB>, messages: readonly EventId[]): RoomEventDraft[] {
  return Array.from({ length: BATCH }, (_, i) => {
    const kind = random();
    const earlier = oneOf(messages);
    const user = random() < 0.5 ? BOB : CAROL;
    if (kind < 0.1) return { type: 'm.room.topic', sender: ALICE, stateKey: '', content: { topic: `topic ${i}` } };
    if (kind < 0.2) return memberOf(user, members.delete(user) ? 'leave' : members.add(user) && 'join');
    if (kind > 0.95 && earlier !== undefined)
      return { type: 'm.room.redaction', sender: ALICE, content: { redacts: earlier }, redacts: earlier };
    if (kind > 0.85 && earlier !== undefined)
      return {
        type: 'm.reaction',
        sender: ALICE,
        content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: earlier, key: String(i) } },
      };
    return messageOf(members.has(user) ? user : ALICE, `marmalade ${i}`);
  });
}

async function fill(plugin: MountedPlugin): Promise<RoomId> {
  const roomId = await createRoom(plugin, { joinRules: { join_rule: 'public' } });
  const members = new Set<typeof BOB>();
  const messages: EventId[] = [];
  for (let batch = 0; batch * BATCH < COUNT; batch += 1) {
    const { events } = await append(plugin, roomId, ...draftsOf(members, messages));
    messages.push(...events.filter(({ draft }) => draft.type === 'm.room.message').map(({ eventId }) => eventId));
    if (batch % FORK_EVERY === 0) await forkRoom(plugin, roomId, ALICE, 3);
  }
  return roomId;
}

/** Purges a copy of the room up to a random event. @returns the number of events that have left the timeline */
async function purgeCopy(original: TestDatabase, roomId: RoomId): Promise<number> {
  const database = await createTestDatabase({ copyOf: original });
  const { db } = database;
  const plugin = await mountPlugin({ database, options: { jobs: { pollIntervalMs: 50 } } });
  try {
    const before = await timelineOf(db, roomId);
    const at = Math.floor(random() * before.length);
    const eventId = before[at]?.event_id;
    const deleteLocalEvents = random() < 0.7;
    const rest = await restOf(db, roomId);
    const { purged } = await plugin.admin.operations.purgeHistory(
      { roomId, eventId, deleteLocalEvents },
      { actor: { kind: 'system', name: 'test' } },
    );
    expect(await restOf(db, roomId)).toBe(rest);
    const after = await timelineOf(db, roomId);
    expect(after).toHaveLength(before.length - purged);
    expect(JSON.stringify(after.slice(at - purged))).toBe(JSON.stringify(before.slice(at)));
    expect(await brokenInvariants(db)).toEqual([]);
    expect(await missingAuthEvents(db)).toEqual([]);
    return purged;
  } finally {
    await plugin.close();
    await database.drop();
  }
}

it(
  'a purge up to random events of a forked room leaves a whole database, and the same state at the extremities',
  async () => {
    const original = await createTestDatabase();
    try {
      const plugin = await mountPlugin({ database: original });
      const roomId = await fill(plugin);
      await plugin.close();
      await original.db.destroy();
      await original.pluginDb.destroy();
      const purged: number[] = [];
      for (let i = 0; i < POINTS; i += 1) purged.push(await purgeCopy(original, roomId));
      expect(Math.max(...purged)).toBeGreaterThan(0);
      tellOfLongVersion('COUNT', { purged });
    } finally {
      await original.drop();
    }
  },
  30_000 + COUNT * POINTS,
);
