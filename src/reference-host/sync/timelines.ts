import type { Knex } from 'knex';
import { readTimelines, type TimelineEvent } from '../storage/sync-events.ts';
import { byRoom } from './by-room.ts';
import { type SyncFilter, takesRoom, timelineLimitOf } from './filter.ts';
import { type MemberHistory, readBack, startOf } from './member-history.ts';
import type { RoomPlan } from './room-plans.ts';

/** The timeline of a room in an answer. */
export interface RoomTimeline {
  readonly events: readonly TimelineEvent[];
  /** Whether the client may miss events that come before the events in `events`. */
  readonly limited: boolean;
  /** The token with which `/messages` continues before these events. */
  readonly prevBatch: string;
}

/**
 * The next two constants are Dendrite's numbers for the history visibilities `shared` and `invited`. The number of
 * `world_readable` is 1, and that of `joined` is 4. If the number of an event is 1 or 2, members may see the event even if it
 * is older than their join.
 */
const SHARED = 2;
const INVITED = 3;

const placeBefore = ({ depth, position }: TimelineEvent): string => `t${depth}_${position - 1}`;

/** Reads the timelines that an answer of `/sync` contains, by room. Leaves out events that the user may not see. */
export async function readRoomTimelines(
  db: Knex,
  plans: readonly RoomPlan[],
  histories: ReadonlyMap<string, MemberHistory>,
  filter: SyncFilter,
): Promise<Map<string, RoomTimeline>> {
  const { timeline } = filter.room;
  const limit = timelineLimitOf(filter);
  const wanted = plans.filter(({ roomId }) => takesRoom(timeline, roomId));
  // Read one event more than the limit, to find out whether there are more events.
  const rows = await readTimelines(db, wanted, limit + 1, {
    types: timeline.types,
    notTypes: timeline.not_types,
    senders: timeline.senders,
    notSenders: timeline.not_senders,
    containsUrl: timeline.contains_url,
  });
  const found = byRoom(rows);
  await readBack(db, histories, oldestHidden(plans, found));
  return new Map(
    plans.map((plan) => {
      const events = found.get(plan.roomId) ?? [];
      const last = events.slice(Math.max(events.length - limit, 0));
      const [first] = last;
      return [
        plan.roomId,
        {
          events: last.filter((event) => isVisible(event, plan, histories.get(plan.roomId) ?? [])),
          limited: events.length > limit || plan.isNew,
          prevBatch: first === undefined ? `t0_${plan.upTo}` : placeBefore(first),
        },
      ];
    }),
  );
}

/**
 * Finds the rooms that are new to the client and have events that not every member may see. Returns the position of the oldest
 * of these events for each such room.
 */
function oldestHidden(
  plans: readonly RoomPlan[],
  timelines: ReadonlyMap<string, readonly TimelineEvent[]>,
): Map<string, number> {
  return new Map(
    plans.flatMap(({ roomId, isNew }): [string, number][] => {
      const oldest = isNew ? timelines.get(roomId)?.find(({ visibility }) => visibility > SHARED) : undefined;
      return oldest === undefined ? [] : [[roomId, oldest.position]];
    }),
  );
}

/**
 * Tells whether the user may see an event. Source: Client-Server API, "Room History Visibility". In a room that the client
 * already knows, the timeline begins after the user's join, so the user may see all events. In another room, the user may see
 * an event with the history visibility `joined` only if it is not older than the user's last join. If the visibility is
 * `invited`, events since the invite before this join are visible too.
 */
function isVisible(
  { visibility, position }: TimelineEvent,
  { isNew, upTo }: RoomPlan,
  history: MemberHistory,
): boolean {
  if (!isNew || visibility <= SHARED) return true;
  return position >= startOf(history, visibility === INVITED ? ['join', 'invite'] : ['join'], upTo);
}
