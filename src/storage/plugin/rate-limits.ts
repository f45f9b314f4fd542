import type { Knex } from 'knex';

/** Removes counters whose window has passed; nobody asks for them again but by chance. */
export async function removeExpiredRateLimits(db: Knex): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.rate_limits WHERE expire < ?', [Date.now()]);
}
