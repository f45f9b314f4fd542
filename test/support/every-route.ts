import { expect } from 'vitest';
import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { USERS } from './dendrite-server.ts';
import type { MountedPlugin } from './mounted-plugin.ts';

/** Destructive operations. They are called last, each with a room of its own. */
export const LAST: readonly Route['operation'][] = [
  'evacuateRoom',
  'evacuateUser',
  'purgeRoom',
  'deleteRoom',
  'deactivateUser',
];
const BODIES: Partial<Record<Route['operation'], object>> = {
  decideApproval: { decision: 'approve' },
  purgeRoom: { evacuate: true },
  deleteRoom: { purge: true, new_room_user_id: USERS.alice.user_id, room_name: 'Moved', message: 'Go on' },
  resetPassword: { password: 'long-enough' },
  sendServerNotices: { content: { msgtype: 'm.text', body: 'notice' } },
  setExperimentalFeatures: { features: { msc3881: true } },
  setUserAdmin: { admin: false },
  setUserLocked: { locked: false },
  setUserSuspended: { suspended: false },
  setRoomBlocked: { block: false },
  startBackgroundUpdate: { job_name: 'reindexFulltext' },
  setRoomPublished: { published: true },
  joinRoom: { user_id: USERS.bob.user_id },
  sendServerNotice: { user_id: USERS.bob.user_id, content: { msgtype: 'm.text', body: 'notice' } },
};

/** Values of path parameters other than rooms and events. */
const NAMED: Readonly<Record<string, string>> = {
  userId: USERS.bob.user_id,
  serverName: 'other.example',
  mediaId: 'unknown',
  destination: 'other.example',
  reportId: '1',
};

/** Rooms that alice and bob are in: one room to read, and five rooms to evacuate, purge and delete. */
export interface RoomsToTry {
  readonly shown: RoomId;
  readonly doomed: readonly RoomId[];
}

/**
 * Reports the last events of a room, and calls every route. Fails if a call answers with 5xx, if an answer lists users or rooms
 * for which the operation failed, or if a job fails or does not end.
 */
export async function callEveryRoute(plugin: MountedPlugin, { shown, doomed }: RoomsToTry): Promise<void> {
  const { db } = plugin.database;
  const events: { event_id: EventId }[] = await db('syncapi_output_room_events')
    .where({ room_id: shown })
    .orderBy('id', 'desc')
    .limit(2)
    .select('event_id');
  for (const { event_id: eventId } of events) await report(plugin, shown, eventId);
  await reportBobAndRoom(plugin, shown);
  const rank = ({ operation }: Route): number => LAST.indexOf(operation);
  const wrong: string[] = [];
  for (const route of ROUTES.toSorted((a, b) => rank(a) - rank(b))) {
    const roomId = doomed[(rank(route) + ROUTES.indexOf(route)) % doomed.length] ?? shown;
    const path = pathOf(route, rank(route) < 0 ? shown : roomId, events[0]?.event_id ?? '');
    const { status, text } = await plugin.asAdmin(path, { method: route.method, ...bodyOf(route) });
    if (status >= 500 || text.includes('"failed":[')) wrong.push(`${route.method} ${path} ${status} ${text}`);
  }
  expect(wrong).toEqual([]);
  const jobs = (...states: string[]) =>
    db('matrix_admin.jobs').whereIn('state', states).select('kind', 'input', 'error');
  await expect.poll(() => jobs('queued', 'running'), { timeout: 20_000 }).toEqual([]);
  expect(await jobs('failed')).toEqual([]);
}

/** Makes alice report an event of a room. */
export async function report(plugin: MountedPlugin, roomId: RoomId, eventId: EventId): Promise<void> {
  const reporter = USERS.alice.user_id as UserId;
  await plugin.admin.operations.reportEvent(
    { reporter, roomId, eventId, reason: 'spam' },
    { actor: { kind: 'user', userId: reporter } },
  );
}

/** Makes alice report bob, and then a room. @returns the ids of the reports */
export async function reportBobAndRoom(plugin: MountedPlugin, roomId: RoomId): Promise<{ user: string; room: string }> {
  const { reportUser, reportRoom } = plugin.admin.operations;
  const reporter = USERS.alice.user_id as UserId;
  const by = { actor: { kind: 'user', userId: reporter } } as const;
  const { reportId: user } = await reportUser({ reporter, userId: USERS.bob.user_id, reason: 'rude' }, by);
  const { reportId: room } = await reportRoom({ reporter, roomId, reason: 'rude' }, by);
  return { user: String(user), room: String(room) };
}

/** Makes code of the homeserver call `blockRoom`, and demands an approval for the call. @returns the approval's id */
export async function askForApproval({ admin }: MountedPlugin, roomId: RoomId): Promise<string> {
  const off = admin.hooks.before('blockRoom', { name: 'four-eyes' }, (event) =>
    admin.approvals.require(event, { reason: 'as a rule' }),
  );
  const caller = { actor: { kind: 'system', name: 'test' } } as const;
  await expect(admin.operations.blockRoom({ roomId }, caller)).rejects.toThrow('as a rule');
  off();
  const { approvals } = await admin.operations.listApprovals({ limit: 1 }, caller);
  return approvals[0]?.id ?? '';
}

/** Makes the body of a route's requests, with more members. */
export const bodyOf = ({ method, operation }: Route, more: object = {}): { readonly body?: string } =>
  method === 'GET' ? {} : { body: JSON.stringify({ ...BODIES[operation], ...more }) };

/** Makes the path of a route for a room and an event. Other parameters have default values. For example, the user is bob. */
export const pathOf = (
  { path }: Route,
  roomId: string,
  eventId: string,
  others: Readonly<Record<string, string>> = {},
): string =>
  path
    .replace(':roomId', encodeURIComponent(roomId))
    .replace('*eventId', encodeURIComponent(eventId))
    .replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent({ ...NAMED, ...others }[name] ?? 'x'));
