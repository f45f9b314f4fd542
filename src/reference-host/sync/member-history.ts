import type { Knex } from 'knex';
import type { UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { readEventsById, type StoredSyncEvent } from '../storage/sync-events.ts';
import { readOwnMemberEvents } from '../storage/sync-memberships.ts';

/** The member events of a user in a room, newest first, as far as they have been read. */
export type MemberHistory = StoredSyncEvent[];

const contentOf = (event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  isRecord(event.content) ? event.content : {};

export function membershipOf({ event }: StoredSyncEvent): string {
  const { membership } = contentOf(event);
  return typeof membership === 'string' ? membership : 'leave';
}

/** The member event of a user at a position. */
export function memberEventAt(history: MemberHistory, position: number): StoredSyncEvent | undefined {
  return history.find((member) => member.position <= position);
}

/** The position since which the user has had one of these memberships without a break, as far as the history has been read. */
export function startOf(history: MemberHistory, memberships: readonly string[], upTo: number): number {
  const known = history.filter(({ position }) => position <= upTo);
  const end = known.findIndex((member) => !memberships.includes(membershipOf(member)));
  const stretch = end < 0 ? known : known.slice(0, end);
  return stretch.at(-1)?.position ?? Number.MAX_SAFE_INTEGER;
}

/** The current member events of a user, by room. */
export async function readHistories(db: Knex, userId: UserId): Promise<Map<string, MemberHistory>> {
  const events = await readOwnMemberEvents(db, userId);
  return new Map(events.map((event) => [event.roomId, [event]]));
}

/**
 * Reads histories back to positions. Each member event names the one that it replaced.
 * @param wanted the position for each room. The history then contains the member event at this position.
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

/** A member event that is not in the timeline, such as an event from before the first local join. Its content is known. */
function unknownEvent({ roomId, event: { unsigned } }: StoredSyncEvent, eventId: string): StoredSyncEvent {
  const content = isRecord(unsigned) && isRecord(unsigned.prev_content) ? unsigned.prev_content : {};
  return { roomId, eventId, position: 0, event: { content } };
}
