import { LRUCache } from 'lru-cache';
import type { UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { type AccountRestrictions, findRestrictions } from '../storage/plugin/account-restrictions.ts';

/** Maximum time for which changes by other processes go unnoticed, in ms. */
const FRESH_MS = 2_000;
const USERS = 10_000;

/** A cache of account restrictions. Every request needs them. */
export interface RestrictionCache {
  /** Returns the restrictions of an account. An unknown account has none. */
  readonly check: (userId: UserId) => Promise<AccountRestrictions>;
  /** Call this after a change has been committed. */
  readonly forget: (userId: UserId) => void;
}

export function createRestrictionCache(db: Db): RestrictionCache {
  const known = new LRUCache<UserId, Promise<AccountRestrictions>>({ max: USERS, ttl: FRESH_MS });
  return {
    check: (userId) => {
      const remembered = known.get(userId);
      if (remembered !== undefined) return remembered;
      const found = findRestrictions(db, userId);
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
