import type { Knex } from 'knex';
import { listLeftoverEvents, markNeeded } from '../../storage/plugin/history-leftovers.ts';
import { listAuthEvents, listNamedEvents } from '../../storage/roomserver/history-events.ts';
import { listBlocks, markBlockEvents } from '../../storage/roomserver/history-state.ts';
import { readNewNeeds, type TimelineNeeds } from '../../storage/syncapi/history-needs.ts';
import type { PurgedRoom } from './purged-room.ts';

/**
 * Maximum number of NIDs in one statement. A NID is the number by which Dendrite's tables refer to an event, a state snapshot
 * or a block.
 */
const BATCH = 5_000;

/**
 * Marks those leftovers of a room that are still needed, so that the purge does not delete them. Leftovers are events that a
 * purge of history has taken out of the timeline, the state snapshots before such events, and the blocks of these snapshots.
 */
export interface NeededLeftovers {
  /**
   * Marks the leftovers that a part of the timeline needs: the states before its events, and the auth chains of these states
   * and events. An auth chain consists of the auth events of an event, the auth events of these auth events, and so on.
   */
  readonly mark: (transaction: Knex.Transaction, needs: TimelineNeeds) => Promise<void>;
  /**
   * Marks the leftovers that new events of the timeline need: events that have entered the timeline since the last call, or
   * since the position `newest` in the first call. The caller must have locked the room.
   */
  readonly markNew: (transaction: Knex.Transaction) => Promise<void>;
  /**
   * Reads the next leftover events. Marks those to which a membership, an invite or the current state refers. Some of the
   * events that were read stay stored: the marked events, and events of local users if the purge keeps such events. Also marks
   * the auth chains of all events that stay.
   * @param after NID of the last event that the previous call read; 0 for the first call
   * @returns the value of `after` for the next call; `undefined` after the last call
   */
  readonly markNamed: (transaction: Knex.Transaction, after: number) => Promise<number | undefined>;
}

/**
 * Creates a `NeededLeftovers`. The object remembers only in memory what it has marked. A resumed purge uses a new object, and
 * so marks everything again.
 * @param newest the greatest stream position of the room's events when the purge begins to mark
 */
export function createNeededLeftovers(room: PurgedRoom, newest: number): NeededLeftovers {
  const { roomNid, roomId, deleteLocalEvents } = room;
  const seen = { snapshots: new Set<number>(), blocks: new Set<number>(), events: new Set<number>() };
  let position = newest;

  const unseen = (kind: keyof typeof seen, nids: readonly number[]): number[] => {
    const found = [...new Set(nids)].filter((nid) => !seen[kind].has(nid));
    for (const nid of found) seen[kind].add(nid);
    return found;
  };

  const markEvents = async (transaction: Knex.Transaction, eventNids: readonly number[]): Promise<void> => {
    let waiting = unseen('events', eventNids);
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      await markNeeded(transaction, roomNid, 'event', batch);
      waiting = [...waiting.slice(BATCH), ...unseen('events', await listAuthEvents(transaction, batch))];
    }
  };

  const mark: NeededLeftovers['mark'] = async (transaction, { snapshotNids, authEventNids }) => {
    const snapshots = unseen('snapshots', snapshotNids);
    await markNeeded(transaction, roomNid, 'snapshot', snapshots);
    const blocks = unseen('blocks', await listBlocks(transaction, snapshots));
    await markNeeded(transaction, roomNid, 'block', blocks);
    await markEvents(transaction, [...authEventNids, ...(await markBlockEvents(transaction, roomNid, blocks))]);
  };

  return {
    mark,
    markNew: async (transaction) => {
      const needs = await readNewNeeds(transaction, roomId, position);
      position = needs.newest;
      await mark(transaction, needs);
    },
    markNamed: async (transaction, after) => {
      const page = await listLeftoverEvents(transaction, roomNid, after, BATCH);
      const nids = page.map(({ eventNid }) => eventNid);
      const named = new Set(await listNamedEvents(transaction, room, nids));
      const staying = page.filter(
        ({ eventNid, isLocal, needed }) => needed || named.has(eventNid) || (isLocal && !deleteLocalEvents),
      );
      const marked = staying.filter(({ eventNid, needed }) => needed || named.has(eventNid));
      await markNeeded(
        transaction,
        roomNid,
        'event',
        marked.map(({ eventNid }) => eventNid),
      );
      await markEvents(
        transaction,
        await listAuthEvents(
          transaction,
          staying.map(({ eventNid }) => eventNid),
        ),
      );
      return page.length < BATCH ? undefined : nids.at(-1);
    },
  };
}
