import type { Knex } from 'knex';

const restrictions = (...names: readonly string[]): string => `
ALTER TABLE matrix_admin.account_restrictions DROP CONSTRAINT account_restrictions_restriction_check;
ALTER TABLE matrix_admin.account_restrictions ADD CONSTRAINT account_restrictions_restriction_check
  CHECK (restriction IN (${names.map((name) => `'${name}'`).join(', ')}));
`;

const UP = `
${restrictions('suspended', 'locked', 'shadow_banned')}
ALTER TABLE matrix_admin.account_attributes
  ADD COLUMN messages_per_second integer,
  ADD COLUMN burst_count integer,
  ADD COLUMN features text[] NOT NULL DEFAULT '{}',
  ADD COLUMN replaceable_master_key text,
  ADD COLUMN replaceable_until timestamptz;
`;

const DOWN = `
DELETE FROM matrix_admin.account_restrictions WHERE restriction = 'shadow_banned';
${restrictions('suspended', 'locked')}
ALTER TABLE matrix_admin.account_attributes
  DROP COLUMN messages_per_second,
  DROP COLUMN burst_count,
  DROP COLUMN features,
  DROP COLUMN replaceable_master_key,
  DROP COLUMN replaceable_until;
`;

/**
 * Allows the restriction `shadow_banned`. Adds columns for an account's rate limit, its experimental features, and the
 * permission to replace its master cross-signing key.
 */
export const accountStanding = {
  name: '0016-account-standing',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(DOWN);
  },
};
