import type { HostContext } from '../host-context.ts';
import type { AccountDataEntry } from '../storage/sync-extras.ts';
import { readInvites } from '../storage/sync-memberships.ts';
import type { SyncEvent } from './client-form.ts';
import { type DeviceLists, readDeviceLists } from './device-lists.ts';
import { takesRoom } from './filter.ts';
import { readBack, readHistories } from './member-history.ts';
import { endOfInvite, pendingSections, unknownRoomInvites, unwrittenLeave } from './pending-rooms.ts';
import { planPending, planRoom } from './room-plans.ts';
import { readRoomSections } from './room-sections.ts';
import type { SyncRequest } from './sync-request.ts';

type Section = Readonly<Record<string, SyncEvent>>;

/** The rooms of an answer, and the changes of device lists, which depend on the rooms. */
export interface SyncRooms {
  readonly sections: {
    readonly join: Section;
    readonly leave: Section;
    readonly invite: Section;
    readonly knock: Section;
  };
  /** The field `device_lists` of the answer. */
  readonly deviceLists: DeviceLists;
}

export type SyncContext = Pick<HostContext, 'db'> & { readonly admin: Pick<HostContext['admin'], 'rooms'> };

/**
 * Reads the rooms that have something new for the client, and the changes of device lists.
 * @param accountData the account data that has changed since the client's position
 */
export async function readSyncRooms(
  { db, admin }: SyncContext,
  request: SyncRequest,
  accountData: readonly AccountDataEntry[],
): Promise<SyncRooms> {
  const { device, filter, since, upTo } = request;
  const { userId } = device;
  const range = { since: since?.stream, upTo: upTo.stream };
  const invites = await readInvites(db, userId, since?.stream ?? 0, upTo.stream);
  const histories = await readHistories(db, userId);
  const wanted = [...histories].filter(([roomId]) => takesRoom(filter.room, roomId));
  await readBack(db, histories, new Map(wanted.map(([roomId]) => [roomId, since?.stream ?? upTo.stream])));
  const plans = wanted.map(([roomId, history]) => planRoom(roomId, history, range)).filter(isThere);
  const known = wanted.map(([roomId, history]) => planPending(roomId, history, range)).filter(isThere);
  const unknown = unknownRoomInvites(invites, (roomId) => histories.has(roomId) || !takesRoom(filter.room, roomId));

  const { join, leave, members } = await readRoomSections(db, request, plans, histories, accountData);
  const pending = await pendingSections(db, [...known, ...unknown.pending], invites);
  const purged =
    since === undefined ? [] : await admin.rooms.departures(userId, { after: since.stream, upTo: upTo.stream });
  const unwritten = [
    ...(since === undefined ? [] : unknown.ended).map(endOfInvite),
    ...purged.map(({ departedTs, ...departure }) => ({ ...departure, leftAt: departedTs })),
  ].filter(({ roomId }) => takesRoom(filter.room, roomId));
  const leaves = unwritten.map((left) => [left.roomId, unwrittenLeave(userId, left)]);
  return {
    sections: { join, leave: { ...Object.fromEntries(leaves), ...leave }, ...pending },
    deviceLists: await readDeviceLists(db, request, plans, members),
  };
}

const isThere = <Value>(value: Value | undefined): value is Value => value !== undefined;
