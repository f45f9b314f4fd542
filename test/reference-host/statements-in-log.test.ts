import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { type FixtureHomeserver, sendPath, startFixtureHomeserver } from './fixture-homeserver.ts';

const SQL =
  /\b(?:select .+ from|insert into|update .+ set|delete from|(?:create|alter|drop) (?:table|index|schema))\b/i;
const VALUE = 'a-value-that-is-bound-to-a-statement';

let logger: ReturnType<typeof createCapturedLogger>;
let server: FixtureHomeserver;
beforeEach(async () => {
  logger = createCapturedLogger();
  server = await startFixtureHomeserver({ logger });
});
afterEach(() => server.stop());

/** Returns the log lines about the failure. Checks that no line of any level contains an SQL statement or a value. */
function linesOf(message: RegExp): string {
  for (const line of logger.lines) expect(JSON.stringify(line)).not.toMatch(SQL);
  expect(logger.text()).not.toContain(VALUE);
  return JSON.stringify(logger.lines.filter((line) => message.test(line.message)));
}

it('a failed statement of the plugin is logged by its SQLSTATE', async () => {
  await server.homeserver.db.raw('ALTER TABLE userapi_profiles RENAME COLUMN display_name TO gone');
  const { status, body } = await server.call('admin', 'GET', `/_synapse/admin/v2/users?name=${VALUE}`);
  expect([status, body.errcode]).toEqual([500, 'M_UNKNOWN']);
  expect(linesOf(/failed$/)).toContain('PostgreSQL error 42703');
});

it('a failed statement of the homeserver is logged by its SQLSTATE', async () => {
  await server.homeserver.db.raw('ALTER TABLE roomserver_event_json RENAME COLUMN event_json TO gone');
  const message = { msgtype: 'm.text', body: VALUE };
  expect((await server.call('alice', 'PUT', sendPath('v9'), message)).status).toBe(500);
  expect(linesOf(/failed$/)).toContain('PostgreSQL error 42703');
});

it('the message of Knex for a failed migration is cut', async () => {
  const { db } = server.homeserver;
  await db.raw('CREATE DOMAIN public.taken AS int');
  const migration = { name: 'one', up: () => db.raw('CREATE TABLE public.taken AS SELECT ? AS text', [VALUE]) };
  const migrationSource = {
    getMigrations: async () => [migration],
    getMigrationName: () => migration.name,
    getMigration: async () => ({ ...migration, down: async () => {} }),
  };
  await expect(db.migrate.latest({ migrationSource, tableName: 'other_migrations' })).rejects.toThrow('taken');
  expect(linesOf(/^migration failed/)).toContain('"migration failed"');
});
