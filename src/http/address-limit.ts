import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { MatrixError } from '../errors.ts';
import { OWN_SCHEMA } from '../migrations/migrations.ts';
import { removeExpiredRateLimits } from '../storage/plugin/rate-limits.ts';

/**
 * Counts one more failed authentication, or one more request without an access token, for a client address. The count is in
 * PostgreSQL, so all processes of the homeserver share it.
 * @throws MatrixError `M_LIMIT_EXCEEDED` if the count exceeds the limit
 */
export type CountAddress = (address: string) => Promise<void>;

/**
 * What the plugin counts and limits by client address. Each name here is the prefix of keys in the table `rate_limits`. Each
 * value is the error text for a client that exceeds the limit.
 */
const LIMITED = {
  failed_authentication: 'Too many failed authentications',
  open_request: 'Too many requests without an access token',
} as const;

/**
 * Creates the function that counts and limits one entry of `LIMITED` by client address. A limit of `false` switches the limit
 * off. Callers must not count requests with a valid access token. Otherwise, one client could lock out the other clients behind
 * the same address.
 */
export function createAddressLimit(
  db: Knex,
  limited: keyof typeof LIMITED,
  limit: { readonly count: number; readonly windowMs: number } | false,
): CountAddress {
  if (limit === false) return async () => {};
  const limiter = new RateLimiterPostgres({
    storeClient: db,
    storeType: 'knex',
    schemaName: OWN_SCHEMA,
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: limited,
    points: limit.count,
    duration: limit.windowMs / 1_000,
  });
  let clearedAt = Date.now();
  return async (address) => {
    if (Date.now() - clearedAt > limit.windowMs) {
      clearedAt = Date.now();
      await removeExpiredRateLimits(db);
    }
    try {
      // A proxy may set the address to a text of any length. Its hash has a fixed length.
      await limiter.consume(createHash('sha256').update(address).digest('base64url'));
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      throw new MatrixError('M_LIMIT_EXCEEDED', LIMITED[limited], {
        fields: { retry_after_ms: Math.max(Math.ceil(rejection.msBeforeNext), 1) },
      });
    }
  };
}
