import type { Knex } from 'knex';
import { isRecord } from '../../matrix/index.ts';
import {
  listStateChanges,
  readCurrentState,
  readEventsById,
  readMembers,
  type StoredSyncEvent,
  type WantedMember,
} from '../storage/sync-events.ts';
import { byRoom } from './by-room.ts';
import { type SyncFilter, takesRoom, takesSender, takesType } from './filter.ts';
import type { RoomPlan } from './room-plans.ts';
import type { RoomTimeline } from './timelines.ts';

const MEMBER = 'm.room.member';

const stateKeyOf = ({ event }: StoredSyncEvent): string => `${String(event.type)}\0${String(event.state_key)}`;
const isState = ({ event }: StoredSyncEvent): boolean => typeof event.state_key === 'string';

export interface StateRequest {
  readonly plans: readonly RoomPlan[];
  readonly timelines: ReadonlyMap<string, RoomTimeline>;
  readonly filter: SyncFilter;
  readonly userId: string;
  /** Whether the client has asked for the whole state of all rooms. */
  readonly fullState: boolean;
}

/**
 * Reads the state events that an answer of `/sync` has for each room. If the room is new to the client, these are the whole
 * state of the room at the beginning of the timeline in the answer. The same is true of every joined room if the client asked
 * for the full state. For another room, these are the state events that have changed since the client's position, if the
 * timeline has events or is limited.
 *
 * The result has no events that a timeline in the answer contains, or that the client's filter excludes. With lazy loading, the
 * result has only the member events of the users that `membersToShow()` returns. The result may contain state events that are
 * later than the position of the answer. The timeline of the next answer then contains these events again.
 */
export async function readRoomStates(db: Knex, request: StateRequest): Promise<Map<string, StoredSyncEvent[]>> {
  const { plans, timelines, filter, userId, fullState } = request;
  const { state: stateFilter } = filter.room;
  const isLazy = stateFilter.lazy_load_members;
  const wanted = plans.filter(({ roomId }) => takesRoom(stateFilter, roomId));
  const whole = wanted.filter(({ isNew, section }) => isNew || (fullState && section === 'join'));
  const members = isLazy ? wanted.flatMap((plan) => membersToShow(plan, timelines, userId)) : undefined;
  const changed = wanted.filter((plan) => !whole.includes(plan) && hasEvents(plan, timelines));
  const found = [
    ...(await readWholeStates(db, whole, timelines, members)),
    ...(await readChangedStates(db, changed)),
    ...(members === undefined ? [] : await readMembers(db, of(changed, members))),
  ];
  const shown = new Set([...timelines.values()].flatMap(({ events }) => events.map(({ eventId }) => eventId)));
  const isWantedMember = memberTest(members);
  const taken = found.filter(
    (event) =>
      !shown.has(event.eventId) &&
      takesType(stateFilter, String(event.event.type)) &&
      takesSender(stateFilter, String(event.event.sender)) &&
      isWantedMember(event),
  );
  return byRoom(lastOfEach(taken));
}

const hasEvents = ({ roomId }: RoomPlan, timelines: ReadonlyMap<string, RoomTimeline>): boolean =>
  (timelines.get(roomId)?.events.length ?? 0) > 0 || (timelines.get(roomId)?.limited ?? false);

/**
 * Returns the users whose member events an answer with lazy loading must have: the senders in the timeline and, in a room that
 * is new to the client, also the client's user. Source: Client-Server API, "Lazy-loading room members".
 */
function membersToShow(
  { roomId, isNew }: RoomPlan,
  timelines: ReadonlyMap<string, RoomTimeline>,
  userId: string,
): WantedMember[] {
  const senders = (timelines.get(roomId)?.events ?? []).map(({ event }) => String(event.sender));
  return [...new Set([...senders, ...(isNew ? [userId] : [])])].map((member) => ({ roomId, userId: member }));
}

const of = (plans: readonly RoomPlan[], members: readonly WantedMember[]): WantedMember[] => {
  const rooms = new Set(plans.map(({ roomId }) => roomId));
  return members.filter(({ roomId }) => rooms.has(roomId));
};

function memberTest(members: readonly WantedMember[] | undefined): (event: StoredSyncEvent) => boolean {
  if (members === undefined) return () => true;
  const wanted = new Set(members.map(({ roomId, userId }) => `${roomId}\0${userId}`));
  return ({ roomId, event }) => event.type !== MEMBER || wanted.has(`${roomId}\0${String(event.state_key)}`);
}

/** Returns the last event for each room, type and state key. */
function lastOfEach(events: readonly StoredSyncEvent[]): StoredSyncEvent[] {
  return [...new Map(events.map((event) => [`${event.roomId}\0${stateKeyOf(event)}`, event])).values()];
}

/**
 * Reads the current state of rooms and, after it, the state events that the state events in the timelines have replaced. The
 * caller leaves out the events in the timelines, and keeps the last event for each type and state key. This gives the state
 * before the timelines.
 */
async function readWholeStates(
  db: Knex,
  plans: readonly RoomPlan[],
  timelines: ReadonlyMap<string, RoomTimeline>,
  members: readonly WantedMember[] | undefined,
): Promise<StoredSyncEvent[]> {
  const current = await readCurrentState(
    db,
    plans.map(({ roomId }) => roomId),
    members && of(plans, members),
  );
  const inTimelines = plans.flatMap(({ roomId }) => timelines.get(roomId)?.events.filter(isState) ?? []);
  const replaced = inTimelines.flatMap(({ event: { unsigned } }) =>
    isRecord(unsigned) && typeof unsigned.replaces_state === 'string' ? [unsigned.replaces_state] : [],
  );
  return [...current, ...(await readEventsById(db, replaced)).values()];
}

/** Reads the state events that were added to the state of each room in the range of its plan. */
async function readChangedStates(db: Knex, plans: readonly RoomPlan[]): Promise<StoredSyncEvent[]> {
  if (plans.length === 0) return [];
  const changes = await listStateChanges(db, plans);
  const ids = changes.flatMap(({ added }) => added);
  const events = await readEventsById(db, ids);
  return ids.flatMap((id) => events.get(id) ?? []);
}
