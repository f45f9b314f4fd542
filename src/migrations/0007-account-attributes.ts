import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.account_attributes (
  user_id text COLLATE "C" PRIMARY KEY,
  user_type text CHECK (user_type IN ('bot', 'support')),
  erased_by text,
  erased_at timestamptz
);
`;

/** Creates the table for those attributes of accounts for which Dendrite's tables have no column. */
export const accountAttributes = {
  name: '0007-account-attributes',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.account_attributes');
  },
};
