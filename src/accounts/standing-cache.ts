import { LRUCache } from 'lru-cache';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findStanding, type StoredStanding } from '../storage/plugin/account-standing.ts';

/** Time for which a standing is cached, in ms. A change by another process takes effect after at most this time. */
const FRESH_MS = 2_000;
const USERS = 10_000;

/** The decisions of administrators about an account. The homeserver checks them before it serves the user's requests. */
export interface AccountStanding extends Omit<StoredStanding, 'adminLogins'> {
  /** Device ids of administrators' logins as the user. The homeserver must not show these devices in lists of devices. */
  readonly hiddenDevices: readonly string[];
  /** Whether `deviceId` belongs to an administrator's login as the user that has ended. */
  readonly hasLoginEnded: boolean;
}

/** A cache of the standings of accounts. Every request of a user needs a standing. */
export interface StandingCache {
  /**
   * Returns the standing of an account. An unknown account has no restrictions.
   * @param deviceId the device of the request's access token. Without it, `hasLoginEnded` is `false`.
   */
  readonly check: (userId: UserId, deviceId?: string) => Promise<AccountStanding>;
  /** Drops a standing from the cache. Call it after the commit of a change. */
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
      // The time of the login may have ended after the standing was cached.
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
