import { LRUCache } from 'lru-cache';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findStanding, type StoredStanding } from '../storage/plugin/account-standing.ts';

/**
 * How long the standing of an account stays in the cache, in ms. A change by another process takes effect after this time at
 * the latest.
 */
const FRESH_MS = 2_000;
const USERS = 10_000;

/**
 * The standing of an account: what administrators have decided about the account, such as its suspension. The homeserver checks
 * the standing before it serves a request of the user.
 */
export interface AccountStanding extends Omit<StoredStanding, 'adminLogins'> {
  /**
   * Ids of devices with which administrators are logged in as the user. The homeserver must not show these devices in lists of
   * devices.
   */
  readonly hiddenDevices: readonly string[];
  /**
   * Whether the device that was given to `check()` belongs to a login of an administrator as this user, and this login has
   * ended.
   */
  readonly hasLoginEnded: boolean;
}

/**
 * Reads the standings of accounts. Every request of a user needs the user's standing, so the standings stay in a cache for a
 * short time.
 * @internal
 */
export interface StandingCache {
  /**
   * Returns the standing of an account. An account that does not exist has no restrictions.
   * @param deviceId the device of the request's access token. Without `deviceId`, `hasLoginEnded` is `false`.
   */
  readonly check: (userId: UserId, deviceId?: string) => Promise<AccountStanding>;
  /** Removes an account's standing from the cache. Call it after a change of the standing has been committed. */
  readonly forget: (userId: UserId) => void;
}

export function createStandingCache(db: Db): StandingCache {
  const known = new LRUCache<UserId, Promise<StoredStanding>>({ max: USERS, ttl: FRESH_MS });
  const find = (userId: UserId): Promise<StoredStanding> => {
    const remembered = known.get(userId);
    if (remembered !== undefined) return remembered;
    const found = findStanding(db, userId);
    known.set(userId, found);
    found.catch(() => {
      if (known.get(userId) === found) known.delete(userId);
    });
    return found;
  };
  return {
    check: async (userId, deviceId) => {
      const { adminLogins, ...standing } = await find(userId);
      const login = adminLogins.find((candidate) => candidate.deviceId === deviceId);
      // The time limit of the login may have passed after the standing was read.
      const isOver = login?.validUntil !== undefined && login.validUntil <= Date.now();
      return {
        ...standing,
        hiddenDevices: adminLogins.map((candidate) => candidate.deviceId),
        hasLoginEnded: isOver || login?.hasEnded === true,
      };
    },
    forget: (userId) => {
      known.delete(userId);
    },
  };
}
