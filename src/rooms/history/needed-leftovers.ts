import type { Knex } from 'knex';
import { listLeftoverEvents, markNeeded } from '../../storage/plugin/history-leftovers.ts';
import { listAuthEvents, listNamedEvents } from '../../storage/roomserver/history-events.ts';
import { listBlocks, markBlockEvents } from '../../storage/roomserver/history-state.ts';
import { readNewNeeds, type TimelineNeeds } from '../../storage/syncapi/history-needs.ts';
import type { PurgedRoom } from './purged-room.ts';

/**
 * Number of NIDs in one statement. A NID is the number by which Dendrite's tables refer to an event, a state snapshot or a
 * block.
 */
const BATCH = 5_000;

/**
 * Marks leftovers of a room that are still needed. Leftovers are events that a purge of history has taken out of the timeline,
 * the state snapshots before such events, and the blocks of these snapshots.
 */
export interface NeededLeftovers {
  /**
   * Marks what the given part of the timeline needs: the states before its events, and the auth chains of these states and
   * events. An auth chain consists of the auth events of an event, the auth events of these auth events, and so on.
   */
  readonly mark: (transaction: Knex.Transaction, needs: TimelineNeeds) => Promise<void>;
  /**
   * Marks what new events of the timeline need. An event is new if it has entered the timeline since the last call. The caller
   * must have locked the room.
   */
  readonly markNew: (transaction: Knex.Transaction) => Promise<void>;
  /**
   * Reads a page of leftover events. Marks the events that a membership, an invite or the current state names. Also marks the
   * auth chains of all events on the page that stay: events that are needed, and events of local users if the purge keeps such
   * events.
   * @param after NID of the last event on the previous page; 0 for the first page
   * @returns the value of `after` for the next page; `undefined` after the last page
   */
  readonly markNamed: (transaction: Knex.Transaction, after: number) => Promise<number | undefined>;
}

/**
 * Creates a `NeededLeftovers`. The object remembers only in memory what it has marked, so a resumed purge marks everything
 * again.
 * @param newest the newest stream position of the room before the first call
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
