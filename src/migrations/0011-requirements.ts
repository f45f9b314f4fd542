import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.requirements (
  migration text PRIMARY KEY,
  remedy text NOT NULL
);
`;

/**
 * Creates the table of migrations that older versions of the plugin cannot work with. Such a migration adds a row with its own
 * name and with a remedy. A process of a version that does not know the name refuses to start.
 */
export const requirements = {
  name: '0011-requirements',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.requirements');
  },
};
