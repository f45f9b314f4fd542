import type { Knex } from 'knex';
import type { StoredSyncEvent } from '../storage/sync-events.ts';
import {
  type AccountDataEntry,
  readReceipts,
  readUnreadCounts,
  type StoredReceipt,
  type UnreadCounts,
} from '../storage/sync-extras.ts';
import { type RoomSummary, readSummaries } from '../storage/sync-memberships.ts';
import { byRoom } from './by-room.ts';
import { clientForm, type SyncEvent, timelineForm } from './client-form.ts';
import { takesRoom, takesSender, takesType } from './filter.ts';
import type { MemberHistory } from './member-history.ts';
import type { RoomPlan } from './room-plans.ts';
import { readRoomStates } from './room-states.ts';
import type { SyncRequest } from './sync-request.ts';
import { type RoomTimeline, readRoomTimelines } from './timelines.ts';

/**
 * The sections `join` and `leave` of an answer to `/sync`. `join` has the rooms that are new to the client or have something
 * new, or all joined rooms if the client asked for the full state. `leave` has every room that the user has left since the
 * client's position.
 */
export interface RoomSections {
  readonly join: Readonly<Record<string, SyncEvent>>;
  readonly leave: Readonly<Record<string, SyncEvent>>;
  /** The member events in both sections. Such an event can change which users share a room with the client's user. */
  readonly members: readonly StoredSyncEvent[];
}

/** Everything that the section of one room is made of. */
interface RoomParts {
  readonly plan: RoomPlan;
  readonly timeline: RoomTimeline;
  readonly state: readonly StoredSyncEvent[];
  readonly receipts: readonly StoredReceipt[];
  readonly accountData: readonly AccountDataEntry[];
}

export async function readRoomSections(
  db: Knex,
  request: SyncRequest,
  plans: readonly RoomPlan[],
  histories: ReadonlyMap<string, MemberHistory>,
  accountData: readonly AccountDataEntry[],
): Promise<RoomSections> {
  const { filter, fullState, device } = request;
  const timelines = await readRoomTimelines(db, plans, histories, filter);
  const states = await readRoomStates(db, { plans, timelines, filter, userId: device.userId, fullState });
  const receipts = byRoom(await readOwnReceipts(db, request, plans));
  const entries = byRoom(accountData.filter(({ roomId, type }) => takesEntry(request, roomId, type)));
  const found = plans.map(
    (plan): RoomParts => ({
      plan,
      timeline: timelines.get(plan.roomId) ?? { events: [], limited: false, prevBatch: `t0_${plan.upTo}` },
      state: states.get(plan.roomId) ?? [],
      receipts: receipts.get(plan.roomId) ?? [],
      accountData: entries.get(plan.roomId) ?? [],
    }),
  );
  const shown = found.filter((parts) => hasNews(parts, fullState));
  const joined = shown.filter(({ plan }) => plan.section === 'join');
  const left = shown.filter(({ plan }) => plan.section === 'leave');
  const unread = await readUnreadCounts(db, device.userId, roomIdsOf(joined));
  const summaries = await readSummaries(db, roomIdsOf(joined.filter(hasNewMembers)), device.userId);
  return {
    join: sectionOf(joined, (parts) => joinedRoom(parts, request, unread, summaries)),
    leave: sectionOf(left, (parts) => leftRoom(parts, request)),
    members: shown.flatMap(eventsOf).filter(({ event }) => event.type === 'm.room.member'),
  };
}

const roomIdsOf = (rooms: readonly RoomParts[]): string[] => rooms.map(({ plan }) => plan.roomId);
const eventsOf = ({ state, timeline }: RoomParts): StoredSyncEvent[] => [...state, ...timeline.events];
const hasNewMembers = (parts: RoomParts): boolean =>
  eventsOf(parts).some(({ event }) => event.type === 'm.room.member');

const sectionOf = (
  rooms: readonly RoomParts[],
  form: (parts: RoomParts) => SyncEvent,
): Readonly<Record<string, SyncEvent>> => Object.fromEntries(rooms.map((parts) => [parts.plan.roomId, form(parts)]));

function hasNews({ plan, timeline, state, receipts, accountData }: RoomParts, fullState: boolean): boolean {
  if (plan.isNew || plan.section === 'leave' || fullState || timeline.limited) return true;
  return [timeline.events, state, receipts, accountData].some(({ length }) => length > 0);
}

const takesEntry = ({ filter: { room } }: SyncRequest, roomId: string, type: string): boolean =>
  takesRoom(room.account_data, roomId) && takesType(room.account_data, type);

/**
 * Reads the receipts of joined rooms: all receipts of rooms that are new to the client, and the new receipts of other rooms.
 * Leaves out receipts that the client's filter excludes, and private receipts of other users.
 */
async function readOwnReceipts(
  db: Knex,
  { since, upTo, filter, device }: SyncRequest,
  plans: readonly RoomPlan[],
): Promise<StoredReceipt[]> {
  const { ephemeral } = filter.room;
  if (!takesType(ephemeral, 'm.receipt')) return [];
  const joined = plans.filter(({ roomId, section }) => section === 'join' && takesRoom(ephemeral, roomId));
  const read = (rooms: readonly RoomPlan[], after: number): Promise<StoredReceipt[]> =>
    readReceipts(
      db,
      rooms.map(({ roomId }) => roomId),
      after,
      upTo.receipts,
    );
  const known = joined.filter(({ isNew }) => !isNew);
  const fresh = joined.filter(({ isNew }) => isNew);
  const receipts = [...(await read(fresh, 0)), ...(await read(known, since?.receipts ?? 0))];
  return receipts.filter(
    ({ type, userId }) => takesSender(ephemeral, userId) && (type !== 'm.read.private' || userId === device.userId),
  );
}

function joinedRoom(
  parts: RoomParts,
  request: SyncRequest,
  unread: ReadonlyMap<string, UnreadCounts>,
  summaries: ReadonlyMap<string, RoomSummary>,
): SyncEvent {
  const { roomId } = parts.plan;
  const { notifications, highlights } = unread.get(roomId) ?? { notifications: 0, highlights: 0 };
  const summary = summaries.get(roomId);
  const receipts = parts.receipts.length === 0 ? [] : [receiptEvent(parts.receipts)];
  return {
    summary: summary && {
      'm.heroes': summary.heroes,
      'm.joined_member_count': summary.joined,
      'm.invited_member_count': summary.invited,
    },
    ...leftRoom(parts, request),
    ephemeral: { events: receipts },
    unread_notifications: { notification_count: notifications, highlight_count: highlights },
  };
}

function leftRoom({ timeline, state, accountData }: RoomParts, { device, now }: SyncRequest): SyncEvent {
  return {
    state: { events: state.map((event) => clientForm(event, now)) },
    timeline: {
      events: timeline.events.map((event) => timelineForm(event, device.sessionId, now)),
      limited: timeline.limited,
      prev_batch: timeline.prevBatch,
    },
    account_data: { events: accountData.map(({ type, content }) => ({ type, content })) },
  };
}

/** Makes the event for receipts. Source: Client-Server API, "Receipts". */
function receiptEvent(receipts: readonly StoredReceipt[]): SyncEvent {
  const content: Record<string, Record<string, Record<string, unknown>>> = {};
  for (const { eventId, type, userId, ts } of receipts) {
    const types = (content[eventId] ??= {});
    (types[type] ??= {})[userId] = { ts };
  }
  return { type: 'm.receipt', content };
}
