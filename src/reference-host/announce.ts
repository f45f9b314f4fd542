import type { RoomId, ServerName, UserId } from '../index.ts';
import type { HostContext } from './host-context.ts';

/** What a committed transaction has changed. */
export interface Changes {
  /** The rooms with new events or receipts. */
  readonly rooms?: readonly RoomId[];
  /** The users with new account data, new to-device messages or changed devices. */
  readonly users?: readonly UserId[];
  /** Other servers for which the transaction has queued events or other messages. */
  readonly destinations?: readonly ServerName[];
}

/**
 * Wakes the clients that wait in `/sync`, and the federation sender, so that they notice the changes. Call this function after
 * the commit.
 */
export async function announce(
  { federation, notifier }: Pick<HostContext, 'federation' | 'notifier'>,
  { rooms = [], users = [], destinations = [] }: Changes,
): Promise<void> {
  if (rooms.length > 0) await notifier?.roomsChanged(rooms);
  if (users.length > 0) await notifier?.usersChanged(users);
  if (destinations.length > 0) await federation?.wake(destinations);
}
