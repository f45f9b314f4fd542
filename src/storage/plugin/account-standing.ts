import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { ExperimentalFeature, RateLimit } from './account-attributes.ts';
import type { Restriction } from './account-restrictions.ts';

/** Restrictions and exceptions that administrators have set for an account. */
export interface AccountStanding {
  /** The user may read, leave rooms and redact, but may send nothing else. Client-Server API, "Account suspension". */
  readonly suspended: boolean;
  /** The user may only log out. Client-Server API, "Account locking". */
  readonly locked: boolean;
  /** Events of the user are acknowledged, but reach nobody. */
  readonly shadowBanned: boolean;
  /** Replaces the homeserver's own limit for messages. `undefined`: the homeserver's limit applies. */
  readonly rateLimit: RateLimit | undefined;
  /** Experimental features that are on for the account. */
  readonly features: readonly ExperimentalFeature[];
  /** The time until which the user may replace the cross-signing keys without authenticating again, in ms since the epoch. */
  readonly keysReplaceableUntil: number | undefined;
}

interface StandingRow {
  readonly restrictions: readonly Restriction[];
  readonly messages_per_second: number | null;
  readonly burst_count: number | null;
  readonly features: readonly ExperimentalFeature[] | null;
  readonly replaceable_until: Date | null;
}

/**
 * The standing of a user's account, in one query: every request needs it. As in Dendrite, the account with the lower-case
 * localpart has priority.
 */
export async function findStanding(db: Db, userId: UserId): Promise<AccountStanding> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<StandingRow>(
    db.raw(
      `SELECT ARRAY(SELECT restriction FROM matrix_admin.account_restrictions WHERE user_id IN (:userId, :lower)) AS restrictions,
         x.messages_per_second, x.burst_count, x.features, k.replaceable_until
       FROM (VALUES (1)) AS one
       LEFT JOIN LATERAL (SELECT * FROM matrix_admin.account_attributes WHERE user_id IN (:userId, :lower)
         ORDER BY (user_id = :lower) DESC LIMIT 1) AS x ON true
       LEFT JOIN LATERAL (SELECT x.replaceable_until FROM public.keyserver_cross_signing_keys
         WHERE user_id = x.user_id AND key_type = 1 AND key_data = x.replaceable_master_key) AS k ON true`,
      { userId, lower: userIdOf(localpart.toLowerCase(), serverName) },
    ),
  );
  const has = (restriction: Restriction): boolean => row?.restrictions.includes(restriction) ?? false;
  const { messages_per_second: messagesPerSecond, burst_count: burstCount } = row ?? {};
  const isLimited = typeof messagesPerSecond === 'number' && typeof burstCount === 'number';
  return {
    suspended: has('suspended'),
    locked: has('locked'),
    shadowBanned: has('shadow_banned'),
    rateLimit: isLimited ? { messagesPerSecond, burstCount } : undefined,
    features: row?.features ?? [],
    keysReplaceableUntil: row?.replaceable_until?.getTime(),
  };
}
