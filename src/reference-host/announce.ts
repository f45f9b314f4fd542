import type { RoomId, ServerName, UserId } from '../index.ts';
import type { HostContext } from './host-context.ts';

/**
 * The rooms and users that a committed transaction has changed, and the servers for which the transaction has queued something.
 */
export interface Changes {
  readonly rooms?: readonly RoomId[];
  /** Users with new account data, to-device messages or devices. */
  readonly users?: readonly UserId[];
  /** Other servers for which the transaction has queued events or other messages. */
  readonly destinations?: readonly ServerName[];
}

/** Tells waiting clients and the federation sender what a transaction has changed. Call this function after the commit. */
export async function announce(
  { federation, notifier }: Pick<HostContext, 'federation' | 'notifier'>,
  { rooms = [], users = [], destinations = [] }: Changes,
): Promise<void> {
  if (rooms.length > 0) await notifier?.roomsChanged(rooms);
  if (users.length > 0) await notifier?.usersChanged(users);
  if (destinations.length > 0) await federation?.wake(destinations);
}
