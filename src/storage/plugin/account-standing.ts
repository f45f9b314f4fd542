import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { ExperimentalFeature, RateLimit } from './account-attributes.ts';
import type { Restriction } from './account-restrictions.ts';
import { HAS_ENDED } from './admin-logins.ts';

/** What administrators have decided about an account. The homeserver must obey these decisions. @internal */
export interface StoredStanding {
  /** The user may read, leave rooms and redact, but may send nothing else. Source: Client-Server API, "Account suspension". */
  readonly suspended: boolean;
  /** The user may only log out. Source: Client-Server API, "Account locking". */
  readonly locked: boolean;
  /** The homeserver answers as if it accepted the user's events, but neither stores nor sends them. */
  readonly shadowBanned: boolean;
  /** Replaces the homeserver's own limit for the user's messages. `undefined` means that the homeserver's own limit applies. */
  readonly rateLimit: RateLimit | undefined;
  /** Experimental features that are on for the account. */
  readonly features: readonly ExperimentalFeature[];
  /**
   * The time until which the user may replace the cross-signing keys without authenticating again, in ms since the epoch. This
   * time may have passed. `undefined` if no administrator has allowed this for the current keys.
   */
  readonly keysReplaceableUntil: number | undefined;
  readonly adminLogins: readonly AdminLogin[];
}

/** A device with which an administrator is logged in as the user. */
interface AdminLogin {
  readonly deviceId: string;
  /** When the login ends at the latest, in ms since the epoch. `undefined` if no such time is set. */
  readonly validUntil: number | undefined;
  /** Whether the login has ended. The homeserver must then refuse the access token of the device. */
  readonly hasEnded: boolean;
}

interface StandingRow {
  readonly restrictions: readonly Restriction[];
  readonly messages_per_second: number | null;
  readonly burst_count: number | null;
  readonly features: readonly ExperimentalFeature[] | null;
  readonly replaceable_until: string | null;
  readonly admin_logins: readonly { device_id: string; valid_until: number | null; has_ended: boolean }[] | null;
}

/**
 * Reads what administrators have decided about a user's account. The homeserver needs this for every request of the user, so
 * the function runs only one query. If the localpart has upper-case letters, the function also reads the rows of the lower-case
 * user id: the restrictions and admin logins of both user ids apply. The rate limit, the features and the permission to replace
 * keys are those of the lower-case user id, if any are stored for it.
 */
export async function findStanding(db: Db, userId: UserId): Promise<StoredStanding> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<StandingRow>(
    db.raw(
      `SELECT ARRAY(SELECT restriction FROM matrix_admin.account_restrictions WHERE user_id IN (:userId, :lower)) AS restrictions,
         x.messages_per_second, x.burst_count, x.features,
         CAST(floor(extract(epoch FROM k.replaceable_until) * 1000) AS bigint) AS replaceable_until,
         (SELECT json_agg(json_build_object('device_id', l.device_id, 'has_ended', ${HAS_ENDED},
            'valid_until', floor(extract(epoch FROM l.valid_until) * 1000)) ORDER BY l.created_at)
          FROM matrix_admin.admin_logins l WHERE l.user_id IN (:userId, :lower)) AS admin_logins
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
    keysReplaceableUntil: row?.replaceable_until ? Number(row.replaceable_until) : undefined,
    adminLogins: (row?.admin_logins ?? []).map((login) => ({
      deviceId: login.device_id,
      validUntil: login.valid_until ?? undefined,
      hasEnded: login.has_ended,
    })),
  };
}
