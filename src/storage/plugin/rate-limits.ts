import type { Knex } from 'knex';

/**
 * Deletes expired counters of client addresses. Without this deletion, a counter would stay until its address makes another
 * request.
 */
export async function removeExpiredRateLimits(db: Knex): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.rate_limits WHERE expire < ?', [Date.now()]);
}
