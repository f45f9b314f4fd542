import type { Knex } from 'knex';

/**
 * Deletes the expired counters of requests from client addresses. Otherwise, a counter would stay until another request from
 * the same address replaces it.
 */
export async function removeExpiredRateLimits(db: Knex): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.rate_limits WHERE expire < ?', [Date.now()]);
}
