import type { Knex } from 'knex';
import { type Appended, type EventId, isUserId, type RoomEventDraft, type RoomId } from '../../index.ts';
import { announce, type Changes } from '../announce.ts';
import type { HostContext } from '../host-context.ts';

/**
 * More work in the transaction that writes the events. The work begins after the events are written. The room is locked until
 * the transaction ends.
 */
export type InTransaction = (transaction: Knex.Transaction) => Promise<void>;

/**
 * Writes events into a room, and tells clients and other servers about the events. If the room refuses one of the events, or if
 * `work` throws an error, writes none of the events.
 * @param work more work in the same transaction @defaultValue no more work
 * @returns the ids of the events, in the order of the drafts
 * @throws MatrixError with the reason why the room refuses the first refused event; `M_NOT_FOUND` if the room is unknown;
 * `M_BAD_STATE` while the room is being purged; or an error of `work`
 */
export async function appendEvents(
  context: HostContext,
  roomId: RoomId,
  drafts: readonly RoomEventDraft[],
  work: InTransaction = async () => {},
): Promise<EventId[]> {
  const { db, admin } = context;
  const appended = await db.transaction(async (transaction) => {
    const written = requireAll(await admin.rooms.append(transaction, roomId, drafts));
    await work(transaction);
    return written;
  });
  await announce(context, changesOf(appended));
  return appended.events.map(({ eventId }) => eventId);
}

/** Returns `appended` if no event was refused. @throws MatrixError with the reason why the first refused event was refused */
export function requireAll(appended: Appended): Appended {
  const [refused] = appended.refused;
  if (refused !== undefined) throw refused.error;
  return appended;
}

/**
 * Returns what `announce()` must know about written events: the room (if an event was written), the users whose member events
 * were written, and the servers for which events were queued. Some of these users may no longer be in the room.
 */
export function changesOf({ roomId, events, destinations }: Appended): Changes {
  const members = events.filter(({ draft }) => draft.type === 'm.room.member');
  const users = members.flatMap(({ draft: { stateKey = '' } }) => (isUserId(stateKey) ? [stateKey] : []));
  return { rooms: events.length === 0 ? [] : [roomId], users, destinations };
}
