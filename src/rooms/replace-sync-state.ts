import type { Knex } from 'knex';
import type { EventId, ServerName } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import type { CheckedEvent } from '../matrix/check-event.ts';
import { batchesOf } from '../storage/batches.ts';
import { summariseRoom } from '../storage/plugin/room-summaries.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import {
  deleteCurrentState,
  type NewSyncState,
  noteStateChange,
  upsertCurrentState,
  upsertSyncMemberships,
} from '../storage/syncapi/room-events.ts';
import { writeTogether } from '../storage/write-together.ts';
import { membershipIn } from './replace-state.ts';
import { headeredJson } from './sync-writes.ts';

/**
 * Replaces a room's current state in the tables of `/sync` by the given state. The new rows get the stream id of the event
 * `carrier`, which brings the state into the room. Also computes the plugin's summary row of the room anew.
 * @returns how many events of the new state were not in the old state, and how many events of the old state are not in the new
 * state
 */
export async function replaceSyncState(
  transaction: Knex.Transaction,
  room: StoredRoom,
  state: readonly CheckedEvent[],
  carrier: EventId,
  localServerNames: readonly ServerName[],
): Promise<{ readonly added: number; readonly removed: number }> {
  const { roomId } = room;
  const before = await deleteCurrentState(transaction, roomId);
  const { added, removed } = await inSlices(
    differenceOf(
      before,
      state.map(({ eventId }) => eventId),
    ),
  );
  const streamId = await noteStateChange(transaction, carrier, added, removed);
  for (const batch of batchesOf(state)) {
    const rows = batch.map(
      (checked): NewSyncState => ({
        streamId,
        eventId: checked.eventId,
        type: checked.type,
        sender: checked.sender,
        stateKey: checked.stateKey ?? '',
        membership: membershipIn(checked),
        containsUrl: Object.hasOwn(checked.content, 'url'),
        depth: checked.depth,
        replaces: undefined,
        historyVisibility: 2,
        sessionId: undefined,
        transactionId: undefined,
        headeredJson: headeredJson(checked.event, checked.eventId, room),
      }),
    );
    const memberships = rows.flatMap(({ stateKey, membership, eventId, depth }) =>
      membership === undefined ? [] : [{ userId: stateKey, membership, eventId, streamId, depth }],
    );
    await writeTogether(transaction, [
      ...upsertCurrentState(roomId, rows),
      ...upsertSyncMemberships(roomId, memberships),
    ]);
  }
  await summariseRoom(transaction, roomId, localServerNames);
  return { added: added.length, removed: removed.length };
}

/** Returns the event ids that are only in `after`, and those that are only in `before`. */
function* differenceOf(
  before: readonly EventId[],
  after: readonly EventId[],
): Generator<undefined, { added: EventId[]; removed: EventId[] }, undefined> {
  const old = new Set<EventId>();
  for (const id of before) {
    yield;
    old.add(id);
  }
  const added: EventId[] = [];
  const kept = new Set<EventId>();
  for (const id of after) {
    yield;
    if (old.has(id)) kept.add(id);
    else added.push(id);
  }
  return { added, removed: before.filter((id) => !kept.has(id)) };
}
