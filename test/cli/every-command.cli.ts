import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { COMMANDS_IN_ORDER, commandLineOf } from './every-command.ts';
import { writeKeyFile } from './key-file.ts';
import { type Ran, runCommand } from './run-command.ts';

/** Commands that only the homeserver's own code can call. */
const NO_ROUTE = ['report event', 'report user', 'report room'];
/** Exit codes of success, and of refusals that the recorded data explains: forbidden, not found, or a state or an option. */
const EXPECTED = [0, 3, 4, 5];
/**
 * Commands whose answers are not compared, because they contain ids, times or secrets that differ in each call, or describe
 * something that only one of the two connections has.
 */
const UNEQUAL = [
  'audit list',
  'jobs list',
  'register nonce',
  'room-report delete',
  'search show-index',
  'server list-tasks',
  'user whois',
];

const succeeded: string[] = [];
let directory: string;
let keyFile: string;
let eventId: string;
let plugin: MountedPlugin;
let alone: TestDatabase;

beforeAll(async () => {
  directory = await makeScratchDirectory('matrix-admin-');
  keyFile = await writeKeyFile(directory);
  await writeFile(join(directory, 'token'), `${USERS.admin.access_token}\n`);
  await writeFile(join(directory, 'options.json'), JSON.stringify(ALL_ROUTES));
  plugin = await mountPlugin({ options: ALL_ROUTES });
  alone = await createTestDatabase({ fixture: true });
  const client = new Client({ connectionString: alone.connectionString });
  await client.connect();
  const { rows } = await client.query(
    `SELECT event_id FROM syncapi_output_room_events WHERE room_id = '!gzbuqgWCAsqmMde3:localhost:18448' ORDER BY id DESC LIMIT 1`,
  );
  eventId = rows[0].event_id;
  await client.end();
});
afterAll(async () => {
  await plugin.close();
  await alone.drop();
  await rm(directory, { recursive: true });
});

const SECRETS = 'first-secret-1\nsecond-secret-2\nthird-secret-3\n';

/** Removes the ages of events, which grow between two calls. */
const ageless = (json: string): string => json.replaceAll(/"age(?:_ts)?": \d+/g, '');

/** The options that say how to connect come last, to test that they also work at the end of the command line. */
const overHttp = (args: readonly string[]): Promise<Ran> =>
  runCommand([...args, '--url', plugin.origin, '--token-file', join(directory, 'token'), '--json', '--yes'], {
    input: SECRETS,
  });
const onDatabase = (args: readonly string[]): Promise<Ran> =>
  runCommand(
    [
      ...args,
      '--homeserver',
      SERVER_NAME,
      '--signing-key',
      keyFile,
      '--plugin-options',
      join(directory, 'options.json'),
      '--json',
      '--yes',
    ],
    { input: SECRETS, environment: { MATRIX_ADMIN_DATABASE: alone.connectionString } },
  );

describe.each(COMMANDS_IN_ORDER.map((command) => [command.name, command] as const))('%s', (name, command) => {
  it('runs over HTTP, and on the database with the same answer', async () => {
    const line = commandLineOf(command, eventId);
    const http = await overHttp(line);
    const database = await onDatabase(line);
    expect(EXPECTED, database.stderr).toContain(database.code);
    if (NO_ROUTE.includes(name)) {
      expect(http).toMatchObject({ code: 2, stderr: expect.stringContaining('has no route') });
      return;
    }
    expect(EXPECTED, http.stderr).toContain(http.code);
    if (http.code === 0) succeeded.push(name);
    if (UNEQUAL.includes(name)) return;
    expect(database.code, database.stderr).toBe(http.code);
    expect(database.stderr).toBe(http.stderr);
    if (command.effect === 'read') expect(ageless(database.stdout)).toBe(ageless(http.stdout));
  });
});

it('most of them succeed with the recorded data', () => {
  expect(succeeded.length).toBeGreaterThan(COMMANDS_IN_ORDER.length * 0.6);
});
