import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { MatrixError } from '../errors.ts';
import { OWN_SCHEMA } from '../migrations/migrations.ts';
import { removeExpiredRateLimits } from '../storage/plugin/rate-limits.ts';

/**
 * Counts one more event of a client address, in PostgreSQL so that all processes count together.
 * @throws MatrixError `M_LIMIT_EXCEEDED` once there were too many
 */
export type CountAddress = (address: string) => Promise<void>;

/** What is limited by address: the prefix of its keys, and what a client that makes too many is told. */
const LIMITED = {
  failed_authentication: 'Too many failed authentications',
  open_request: 'Too many requests without an access token',
} as const;

/**
 * Limits something by client address. Only failures are counted of requests with an access token: a good one is never
 * limited, so that others behind the same address are not locked out.
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
      // A proxy may pass on an "address" of any length.
      await limiter.consume(createHash('sha256').update(address).digest('base64url'));
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      throw new MatrixError('M_LIMIT_EXCEEDED', LIMITED[limited], {
        fields: { retry_after_ms: Math.max(Math.ceil(rejection.msBeforeNext), 1) },
      });
    }
  };
}
