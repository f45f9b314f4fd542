import { LRUCache } from 'lru-cache';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findStanding, type StoredStanding } from '../storage/plugin/account-standing.ts';

/** Maximum time for which changes by other processes go unnoticed, in ms. */
const FRESH_MS = 2_000;
const USERS = 10_000;

/** What administrators have decided about an account. The homeserver looks at it before it lets the user act. */
export interface AccountStanding extends Omit<StoredStanding, 'adminLogins'> {
  /** Ids of the devices of administrators' logins as the user. The homeserver leaves them out of lists of devices. */
  readonly hiddenDevices: readonly string[];
  /** The device that was asked about belongs to an administrator's login as the user, and the login has ended. */
  readonly hasLoginEnded: boolean;
}

/** A cache of the standings of accounts. Every request needs one. */
export interface StandingCache {
  /**
   * Returns the standing of an account. Nothing is decided about an unknown account.
   * @param deviceId the device of the request's access token. Without it, `hasLoginEnded` is `false`.
   */
  readonly check: (userId: UserId, deviceId?: string) => Promise<AccountStanding>;
  /** Call this after a change has been committed. */
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
      // The login may have ended after the standing was read.
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
