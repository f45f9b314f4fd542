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
const NOT_FOUND = `approvals approve, approvals decide, approvals deny, approvals show, bulk show, device show, jobs cancel,
  jobs show, report resolve, report set-status, room list-deletions, room show-block, room show-deletion, room-report set-status,
  room-report show, token delete, token show, token update, user allow-cross-signing-replacement, user find-by-external-id,
  user find-by-threepid, user-report delete, user-report set-status, user-report show`;
/** Commands that the recorded data, or a homeserver without federation, refuses. */
const REFUSED: Readonly<Record<string, number>> = {
  ...Object.fromEntries(NOT_FOUND.split(/,\s+/).map((name) => [name, 4])),
  'bulk run': 4,
  'device refresh': 5,
  'register by-shared-secret': 5,
  'room download-state': 5,
  'room join': 3,
  'room purge-abandoned': 5,
  'room-report delete': 4,
  'user login-as': 3,
  'user renew': 5,
};
/** Answers with ids, times or secrets that are new each time. */
const UNEQUAL = ['audit list', 'jobs list', 'register nonce', 'server list-tasks', 'user whois'];

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

/** Without the ages of events, which grow. */
const ageless = (json: string): string => json.replaceAll(/"age(?:_ts)?": \d+/g, '');

/** Connecting options come last, so that they also work there. */
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
  const expected = REFUSED[name] ?? 0;
  it('runs over HTTP, and on the database with the same answer', async () => {
    const line = commandLineOf(command, eventId);
    const http = await overHttp(line);
    const database = await onDatabase(line);
    const code = NO_ROUTE.includes(name) ? 2 : expected;
    expect(http, http.stderr).toMatchObject({ code });
    expect(database, database.stderr).toMatchObject({ code: name === 'room-report delete' ? 0 : expected });
    if (code !== 0) expect(http.stderr).not.toBe('');
    if (command.effect === 'read' && !UNEQUAL.includes(name))
      expect(ageless(database.stdout)).toBe(ageless(http.stdout));
  });
});
