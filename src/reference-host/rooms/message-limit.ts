import { LRUCache } from 'lru-cache';
import { type Accounts, MatrixError, type UserId } from '../../index.ts';

const USERS = 10_000;

/** The number of messages in a user's bucket (`used`) at a time (`at`, in ms since the epoch). */
interface Level {
  readonly used: number;
  readonly at: number;
}

/**
 * Checks that a user has not sent too many messages through this process, and then counts one more message. Administrators set
 * the limits of users. A user without a limit may send any number of messages.
 * @throws MatrixError `M_LIMIT_EXCEEDED` with `retry_after_ms`
 */
export type LimitMessages = (userId: UserId) => Promise<void>;

/**
 * Creates the function that limits messages. The function has a leaky bucket for each user. A bucket holds `burstCount`
 * messages, but at least one, and loses `messagesPerSecond` messages each second. If both numbers are 0, the user has no limit.
 * Only the buckets of the last `USERS` senders are kept. The bucket of any other user is empty.
 */
export function createMessageLimit({ check }: Pick<Accounts, 'check'>): LimitMessages {
  const levels = new LRUCache<UserId, Level>({ max: USERS });
  return async (userId) => {
    const { rateLimit } = await check(userId);
    if (rateLimit === undefined || (rateLimit.messagesPerSecond === 0 && rateLimit.burstCount === 0)) return;
    const { messagesPerSecond, burstCount } = rateLimit;
    const now = Date.now();
    const { used, at } = levels.get(userId) ?? { used: 0, at: now };
    const left = Math.max(0, used - ((now - at) / 1_000) * messagesPerSecond);
    if (left + 1 > Math.max(1, burstCount)) {
      const excess = left + 1 - Math.max(1, burstCount);
      const waitMs = messagesPerSecond === 0 ? 3_600_000 : Math.ceil((excess / messagesPerSecond) * 1_000);
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many messages', { fields: { retry_after_ms: waitMs } });
    }
    levels.set(userId, { used: left + 1, at: now });
  };
}
