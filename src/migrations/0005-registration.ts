import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.registration_nonces (
  nonce text COLLATE "C" PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX registration_nonces_by_expiry ON matrix_admin.registration_nonces (expires_at);
`;

/** Creates the table for the nonces of registrations by shared secret. */
export const registration = {
  name: '0005-registration',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.registration_nonces');
  },
};
