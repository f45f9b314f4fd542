import { errorFields } from '../errors.ts';
import type { Host, Logger } from '../host.ts';
import type { RoomId, ServerName, UserId } from '../ids.ts';
import type { Metrics } from '../metrics.ts';

/** What was committed, by id. */
export interface Announcement {
  readonly rooms?: readonly RoomId[];
  readonly users?: readonly UserId[];
  /** Servers that something was queued for. */
  readonly destinations?: readonly ServerName[];
}

/** Tells the host what it must not answer from memory any more, who has something new, and what is to be sent. */
export type Announce = (announcement: Announcement) => void;

/** The host's errors are logged and counted; what was committed stands. */
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
        logger.error({ ...errorFields(error), callee }, 'The host failed to take note of a change');
      });
  };
  return ({ rooms = [], users = [], destinations = [] }) => {
    if (caches && rooms.length > 0) tell('caches', () => caches.dropRooms(rooms));
    if (caches && users.length > 0) tell('caches', () => caches.dropUsers(users));
    if (notifier && rooms.length > 0) tell('notifier', () => notifier.roomsChanged(rooms));
    if (notifier && users.length > 0) tell('notifier', () => notifier.usersChanged(users));
    if (federation && destinations.length > 0) tell('federation', () => federation.wake(destinations));
  };
}
