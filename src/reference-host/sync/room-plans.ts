import type { StoredSyncEvent } from '../storage/sync-events.ts';
import { type MemberHistory, memberEventAt, membershipOf, startOf } from './member-history.ts';

/** Which part of a joined or left room an answer of `/sync` shows. */
export interface RoomPlan {
  readonly roomId: string;
  readonly section: 'join' | 'leave';
  /** The timeline begins after this position. */
  readonly after: number;
  /** The timeline ends at this position. */
  readonly upTo: number;
  /**
   * Whether the client needs the whole state of the room, because the client does not know the room, or has missed a part of
   * the room's history.
   */
  readonly isNew: boolean;
}

/** A room that the user is invited to or knocks at. */
export interface PendingRoom {
  readonly roomId: string;
  readonly section: 'invite' | 'knock';
  readonly member: StoredSyncEvent;
}

export interface SyncRange {
  /** Stream position up to which the client has received everything. `undefined` if the client has received nothing. */
  readonly since: number | undefined;
  readonly upTo: number;
}

/**
 * Decides what an answer shows of a joined or left room. Returns `undefined` if the answer shows nothing of the room: the user
 * is neither in the room nor has left it, has left it before the client's position, or has left it and the client has received
 * nothing so far.
 */
export function planRoom(roomId: string, history: MemberHistory, { since, upTo }: SyncRange): RoomPlan | undefined {
  const now = memberEventAt(history, upTo);
  if (now === undefined) return undefined;
  const before = since === undefined ? undefined : memberEventAt(history, since);
  const wasJoined = before !== undefined && membershipOf(before) === 'join';
  if (membershipOf(now) === 'join') {
    // The client does not know the room if the user was not in it at the client's position. If the user was out of the room at
    // some time after that position, the client has a gap in its timeline.
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

/** Tells whether the user was out of the room at some time after the position `since`, up to the position `upTo`. */
function hasBreak(history: MemberHistory, since: number, upTo: number): boolean {
  return history.some(
    (member) => member.position > since && member.position <= upTo && membershipOf(member) !== 'join',
  );
}

/**
 * Returns the position after which the answer shows events of a room that the user has left. If the user was in the room, the
 * answer shows the events since the later of two positions: the client's position and the user's join. If the user was not in
 * the room before the leave event, for example because the event rejects an invite, the answer shows only the leave event.
 */
function leaveBegins(history: MemberHistory, now: StoredSyncEvent, since: number, wasJoined: boolean): number {
  const previous = history.find(({ position }) => position < now.position);
  const isFromJoin = previous !== undefined && membershipOf(previous) === 'join';
  if (!isFromJoin) return now.position - 1;
  const joined = startOf(history, ['join'], now.position - 1);
  return wasJoined && joined <= since ? since : Math.max(joined - 1, since);
}

/**
 * Returns a room to which the user is invited or at which the user knocks. Returns `undefined` if this membership is not newer
 * than the client's position, or if the user has another membership.
 */
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
