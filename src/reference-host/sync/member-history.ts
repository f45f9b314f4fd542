import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';
import { readEventsById, type StoredSyncEvent } from '../storage/sync-events.ts';
import { readOwnMemberEvents } from '../storage/sync-memberships.ts';

/**
 * Member events of one user in one room, newest first. The list begins with the current member event. Older member events may
 * be missing, because `readBack()` reads them only when they are needed.
 */
export type MemberHistory = StoredSyncEvent[];

const contentOf = (event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  isRecord(event.content) ? event.content : {};

export function membershipOf({ event }: StoredSyncEvent): string {
  const { membership } = contentOf(event);
  return typeof membership === 'string' ? membership : 'leave';
}

/**
 * Returns the member event that applied at a position. Returns `undefined` if the history does not go back to that position.
 */
export function memberEventAt(history: MemberHistory, position: number): StoredSyncEvent | undefined {
  return history.find((member) => member.position <= position);
}

/**
 * Returns the position at which the user's last unbroken period with one of the given memberships before or at `upTo` began. If
 * the history does not go back to that position, returns the oldest known position of the period. If the user had none of these
 * memberships at `upTo`, returns a position after all events.
 */
export function startOf(history: MemberHistory, memberships: readonly string[], upTo: number): number {
  const known = history.filter(({ position }) => position <= upTo);
  const end = known.findIndex((member) => !memberships.includes(membershipOf(member)));
  const stretch = end < 0 ? known : known.slice(0, end);
  return stretch.at(-1)?.position ?? Number.MAX_SAFE_INTEGER;
}

/** Reads the member history of a user in each room. At first, each history has only the current member event. */
export async function readHistories(db: Knex, userId: UserId): Promise<Map<string, MemberHistory>> {
  const events = await readOwnMemberEvents(db, userId);
  return new Map(events.map((event) => [event.roomId, [event]]));
}

/**
 * Adds older member events to the histories, until each history contains the member event that applied at a given position, or
 * the user's first member event in the room. The field `unsigned.replaces_state` of a member event has the id of the event
 * before it.
 * @param wanted the position for each room
 */
export async function readBack(
  db: Knex,
  histories: ReadonlyMap<string, MemberHistory>,
  wanted: ReadonlyMap<string, number>,
): Promise<void> {
  for (;;) {
    const open = [...wanted].flatMap(([roomId, position]) => {
      const history = histories.get(roomId);
      const oldest = history?.at(-1);
      const replaced = oldest && replacedBy(oldest);
      return history && oldest && replaced && oldest.position > position ? [{ history, oldest, replaced }] : [];
    });
    if (open.length === 0) return;
    const events = await readEventsById(
      db,
      open.map(({ replaced }) => replaced),
    );
    for (const { history, oldest, replaced } of open)
      history.push(events.get(replaced) ?? unknownEvent(oldest, replaced));
  }
}

function replacedBy({ event: { unsigned } }: StoredSyncEvent): string | undefined {
  return isRecord(unsigned) && typeof unsigned.replaces_state === 'string' ? unsigned.replaces_state : undefined;
}

/**
 * Makes a member event that is not stored, for example because it is older than the first join of a local user. Takes the
 * content from `prev_content` of the member event that replaced it, because nothing else is known.
 */
function unknownEvent({ roomId, event: { unsigned } }: StoredSyncEvent, eventId: string): StoredSyncEvent {
  const content = isRecord(unsigned) && isRecord(unsigned.prev_content) ? unsigned.prev_content : {};
  return { roomId, eventId, position: 0, event: { content } };
}
