import { LRUCache } from 'lru-cache';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { type AccountStanding, findStanding } from '../storage/plugin/account-standing.ts';

/** Maximum time for which changes by other processes go unnoticed, in ms. */
const FRESH_MS = 2_000;
const USERS = 10_000;

/** A cache of what administrators have decided about accounts. Every request needs it. */
export interface StandingCache {
  /** Returns the standing of an account. Nothing is decided about an unknown account. */
  readonly check: (userId: UserId) => Promise<AccountStanding>;
  /** Call this after a change has been committed. */
  readonly forget: (userId: UserId) => void;
}

export function createStandingCache(db: Db): StandingCache {
  const known = new LRUCache<UserId, Promise<AccountStanding>>({ max: USERS, ttl: FRESH_MS });
  return {
    check: (userId) => {
      const remembered = known.get(userId);
      if (remembered !== undefined) return remembered;
      const found = findStanding(db, userId);
      known.set(userId, found);
      found.catch(() => {
        if (known.get(userId) === found) known.delete(userId);
      });
      return found;
    },
    forget: (userId) => {
      known.delete(userId);
    },
  };
}
