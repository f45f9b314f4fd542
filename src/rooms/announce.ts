import { errorFields } from '../errors.ts';
import type { Host, Logger } from '../host.ts';
import type { RoomId, ServerName, UserId } from '../ids.ts';
import type { Metrics } from '../metrics.ts';

/**
 * The rooms and users that a committed transaction has changed, and the servers that the homeserver should contact because of
 * it.
 * @internal
 */
export interface Announcement {
  /** Rooms that the transaction has changed. */
  readonly rooms?: readonly RoomId[];
  /** Users whose data the transaction has changed. */
  readonly users?: readonly UserId[];
  /** Servers for which the transaction has queued events or other messages. The homeserver then sends what is queued. */
  readonly destinations?: readonly ServerName[];
  /**
   * Servers to which earlier requests have failed. The homeserver contacts these servers at once, instead of waiting for its
   * next attempt.
   */
  readonly retried?: readonly ServerName[];
}

/**
 * Tells the homeserver after a commit which rooms and users to drop from its caches, which clients to notify, and which servers
 * to contact. Does not wait until the homeserver has done so.
 */
export type Announce = (announcement: Announcement) => void;

/**
 * Creates an `Announce`. If the homeserver's caches, notifier or federation sender throw an error, `Announce` logs and counts
 * the error, and does not throw it, because the change is already committed.
 */
export function createAnnounce(
  { caches, notifier, federation }: Pick<Host, 'caches' | 'notifier' | 'federation'>,
  logger: Logger,
  metrics: Pick<Metrics, 'hostCallFailures'>,
): Announce {
  const tell = (callee: string, call: () => void | Promise<void>): void => {
    Promise.resolve()
      .then(call)
      .catch((error: unknown) => {
        metrics.hostCallFailures.inc({ callee });
        logger.error({ ...errorFields(error), callee }, 'The host failed to handle a change');
      });
  };
  return ({ rooms = [], users = [], destinations = [], retried = [] }) => {
    if (caches && rooms.length > 0) tell('caches', () => caches.dropRooms(rooms));
    if (caches && users.length > 0) tell('caches', () => caches.dropUsers(users));
    if (notifier && rooms.length > 0) tell('notifier', () => notifier.roomsChanged(rooms));
    if (notifier && users.length > 0) tell('notifier', () => notifier.usersChanged(users));
    if (federation && destinations.length > 0) tell('federation', () => federation.wake(destinations));
    for (const destination of federation ? retried : []) {
      tell('federation', () =>
        federation?.retryNow ? federation.retryNow(destination) : federation?.wake([destination]),
      );
    }
  };
}
