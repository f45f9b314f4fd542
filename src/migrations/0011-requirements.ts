import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.requirements (
  migration text PRIMARY KEY,
  remedy text NOT NULL
);
`;

/**
 * Creates the table of migrations after which older versions of the plugin can no longer use the tables. Such a migration adds
 * a row with its own name, and with a text that tells the operator what to do. A process whose version of the plugin does not
 * know the name refuses to start, and shows the text.
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
