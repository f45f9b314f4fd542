import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.admin_logins (
  user_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  session_id bigint NOT NULL,
  admin text NOT NULL,
  admin_device_id text,
  admin_session_id bigint,
  valid_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, device_id)
);
`;

/** Creates the table of devices with which administrators are logged in as other users. */
export const adminLogins = {
  name: '0020-admin-logins',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.admin_logins');
  },
};
