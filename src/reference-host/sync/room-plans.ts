import type { StoredSyncEvent } from '../storage/sync-events.ts';
import { type MemberHistory, memberEventAt, membershipOf, startOf } from './member-history.ts';

/** What an answer of `/sync` shows of a room that the user has joined or left. */
export interface RoomPlan {
  readonly roomId: string;
  readonly section: 'join' | 'leave';
  /** The timeline begins after this position. */
  readonly after: number;
  /** The timeline ends at this position. */
  readonly upTo: number;
  /** Whether the client knows nothing of the room, so that it needs the whole state. */
  readonly isNew: boolean;
}

/** A room that the user is invited to or knocks at. */
export interface PendingRoom {
  readonly roomId: string;
  readonly section: 'invite' | 'knock';
  readonly member: StoredSyncEvent;
}

export interface SyncRange {
  /** Stream position of the client. `undefined`: the client knows nothing. */
  readonly since: number | undefined;
  readonly upTo: number;
}

/** Plans a joined or left room. `undefined` if there is nothing to show. */
export function planRoom(roomId: string, history: MemberHistory, { since, upTo }: SyncRange): RoomPlan | undefined {
  const now = memberEventAt(history, upTo);
  if (now === undefined) return undefined;
  const before = since === undefined ? undefined : memberEventAt(history, since);
  const wasJoined = before !== undefined && membershipOf(before) === 'join';
  if (membershipOf(now) === 'join') {
    // After a break, the client needs the whole state. Its timeline has a gap.
    const isNew = !wasJoined || hasBreak(history, since ?? 0, upTo);
    return { roomId, section: 'join', after: isNew ? 0 : (since ?? 0), upTo, isNew };
  }
  const hasLeft = membershipOf(now) === 'leave' || membershipOf(now) === 'ban';
  if (!hasLeft || since === undefined || now.position <= since) return undefined;
  return {
    roomId,
    section: 'leave',
    after: leaveBegins(history, now, since, wasJoined),
    upTo: now.position,
    isNew: false,
  };
}

/** Whether the user was out of the room in between. */
function hasBreak(history: MemberHistory, since: number, upTo: number): boolean {
  return history.some(
    (member) => member.position > since && member.position <= upTo && membershipOf(member) !== 'join',
  );
}

/** The position after which a user who has left may see events. Who was never joined sees only the end of the invite. */
function leaveBegins(history: MemberHistory, now: StoredSyncEvent, since: number, wasJoined: boolean): number {
  const previous = history.find(({ position }) => position < now.position);
  const isFromJoin = previous !== undefined && membershipOf(previous) === 'join';
  if (!isFromJoin) return now.position - 1;
  const joined = startOf(history, ['join'], now.position - 1);
  return wasJoined && joined <= since ? since : Math.max(joined - 1, since);
}

/** The invite or knock of a user to a room, if it is new. */
export function planPending(
  roomId: string,
  history: MemberHistory,
  { since, upTo }: SyncRange,
): PendingRoom | undefined {
  const member = memberEventAt(history, upTo);
  if (member === undefined || member.position <= (since ?? 0)) return undefined;
  const section = membershipOf(member);
  return section === 'invite' || section === 'knock' ? { roomId, section, member } : undefined;
}
