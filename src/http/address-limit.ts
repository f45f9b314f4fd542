import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { MatrixError } from '../errors.ts';
import { OWN_SCHEMA } from '../migrations/migrations.ts';
import { removeExpiredRateLimits } from '../storage/plugin/rate-limits.ts';

/**
 * Counts one more event of a client address. The count is in PostgreSQL, so all processes share it.
 * @throws MatrixError `M_LIMIT_EXCEEDED` once the limit is exceeded
 */
export type CountAddress = (address: string) => Promise<void>;

/** The things that are limited by address: the prefix of each one's keys, and the error text for clients over the limit. */
const LIMITED = {
  failed_authentication: 'Too many failed authentications',
  open_request: 'Too many requests without an access token',
} as const;

/**
 * Limits something by client address. Of requests with an access token only failures count: good requests are never limited,
 * so that one client does not lock out others behind the same address.
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
      // A proxy may pass on an "address" of any length, so the key is a hash of it.
      await limiter.consume(createHash('sha256').update(address).digest('base64url'));
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      throw new MatrixError('M_LIMIT_EXCEEDED', LIMITED[limited], {
        fields: { retry_after_ms: Math.max(Math.ceil(rejection.msBeforeNext), 1) },
      });
    }
  };
}
