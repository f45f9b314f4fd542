import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { besideDendrite } from '../../src/beside-dendrite.ts';
import { optionsOf } from '../../src/cli/arguments.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { completionsOf } from '../../src/cli/completion.ts';
import { GLOBAL_OPTIONS } from '../../src/cli/options.ts';
import { type AdminClient, createAdminClient } from '../../src/client/index.ts';
import { fillTemplate, requestOf, templatesOf } from '../../src/client/request-of.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { OPERATIONS, type OperationName } from '../../src/operations/operations.ts';
import { parametersOf, sampleOf } from '../../src/request-table.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { jsonOf, request } from '../support/http-client.ts';
import { ALL_ROUTES, bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { writeKeyFile } from './key-file.ts';
import { type Ran, type RunOptions, runCommand } from './run-command.ts';

const ROOM = server.rooms.v10;

let plugin: MountedPlugin;
let directory: string;
let client: AdminClient;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
  directory = await makeScratchDirectory('matrix-admin-');
  await writeFile(join(directory, 'token'), `${USERS.admin.access_token}\n`);
  client = createAdminClient({ baseUrl: `${plugin.origin}/`, accessToken: USERS.admin.access_token });
});
afterAll(async () => {
  await plugin.close();
  await rm(directory, { recursive: true });
});

const admin = (args: readonly string[], options?: RunOptions): Promise<Ran> =>
  runCommand(['--url', plugin.origin, '--token-file', join(directory, 'token'), ...args], options);

describe('the requests of the client', () => {
  it('carry every parameter', () => {
    const operations = Object.keys(OPERATIONS) as OperationName[];
    for (const [operation, template] of operations.flatMap((name) =>
      templatesOf(name).map((one) => [name, one] as const),
    )) {
      const route = ROUTES.find(
        (one) => one.operation === operation && one.method === template.method && one.path === template.path,
      );
      const { properties } = parametersOf(operation);
      const input = Object.fromEntries(
        Object.keys(template.parameters).map((name) => [name, sampleOf(properties[name] ?? {})]),
      );
      const { params, query, body } = fillTemplate(template, input);
      const values = (name: string): string[] => query.filter(([key]) => key === name).map(([, value]) => value);
      const read = route?.input({
        params,
        query: Object.fromEntries(query),
        valuesOf: (name) => (values(name).length === 0 ? undefined : values(name)),
        body,
        address: '',
        userAgent: '',
        respondAsync: false,
        urlOf: (path) => path,
      });
      expect(read, operation).toMatchObject({ ...input, ...template.fixed });
    }
  });

  it('reach every parameter of every route, except those that the table lists', () => {
    const unreachable = (Object.keys(OPERATIONS) as OperationName[]).flatMap((operation) => {
      const templates = templatesOf(operation);
      if (templates.length === 0) return [operation];
      return Object.keys(parametersOf(operation).properties)
        .filter((name) => !templates.some(({ parameters, fixed }) => name in parameters || (fixed && name in fixed)))
        .map((name) => `${operation}.${name}`);
    });
    expect(unreachable).toEqual(['reportEvent', 'reportUser', 'reportRoom']);
  });

  it('choose the route that takes the parameters', () => {
    const userId = USERS.bob.user_id;
    expect(requestOf('setUserShadowBanned', { userId, shadowBanned: false })).toMatchObject({ method: 'DELETE' });
    expect(requestOf('setUserShadowBanned', { userId, shadowBanned: true })).toMatchObject({ method: 'POST' });
    expect(requestOf('listUsers', { deactivated: 'only' }).query).toEqual([['deactivated', 'true']]);
    expect(requestOf('listUsers', {}).query).toEqual([['deactivated', 'false']]);
    expect(() => requestOf('reportRoom', {})).toThrow('has no route');
    expect(() => requestOf('getUser', { userId, nonsense: 1 })).toThrow('no route of getUser takes these parameters');
  });
});

describe('the client', () => {
  it('calls operations and watches jobs', async () => {
    expect(await client.request('getUserAdmin', { userId: USERS.admin.user_id })).toEqual({ admin: true });
    const jobId = await client.startJob('reindexFulltext', {});
    const states: string[] = [];
    for await (const job of client.watchJob(jobId)) states.push(job.state);
    expect(states.at(-1)).toBe('succeeded');
  });

  it('throws the error of the homeserver', async () => {
    const unknown = client.request('getJob', { jobId: 'x' });
    await expect(unknown).rejects.toMatchObject({ name: 'MatrixError', errcode: 'M_NOT_FOUND', status: 404 });
    const elsewhere = createAdminClient({ baseUrl: `${plugin.origin}/host/`, accessToken: 'x' });
    await expect(elsewhere.request('listJobs', {})).rejects.toMatchObject({ name: 'UnreachableError' });
    const nowhere = createAdminClient({ baseUrl: 'http://127.0.0.1:1', accessToken: 'x' });
    await expect(nowhere.request('listJobs', {})).rejects.toThrow(
      /127\.0\.0\.1:1 does not answer: .*(ECONNREFUSED|bad port)/,
    );
  });
});

describe('a command', () => {
  it('prints tables for people and JSON for programs', async () => {
    const people = await admin(['room', 'list', '--limit', '2']);
    expect(people).toMatchObject({ code: 0, stderr: '' });
    expect(people.stdout).toMatch(/^room_id +name +/);
    expect(people.stdout).toMatch(/^total_rooms +\d+$/m);
    const { stdout } = await admin(['room', 'list', '--limit', '2', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ rooms: [{}, {}] });
  });

  it('passes positionals, flags, lists, times and presets on', async () => {
    const promoted = await admin(['user', 'set-admin', USERS.carol.user_id]);
    expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
    expect(await client.request('getUserAdmin', { userId: USERS.carol.user_id })).toEqual({ admin: true });
    await admin(['user', 'set-admin', USERS.carol.user_id, '--no-admin']);
    expect(await client.request('getUserAdmin', { userId: USERS.carol.user_id })).toEqual({ admin: false });
    const plan = await admin(['bulk', 'plan', 'evacuateUser', '--user-ids-from', '-', '--json'], {
      input: `${USERS.bob.user_id}\n\n${USERS.carol.user_id}\n`,
    });
    expect(JSON.parse(plan.stdout)).toMatchObject({ total: 2, items: [USERS.bob.user_id, USERS.carol.user_id] });
    const audit = await admin(['audit', 'list', '--since', '2999-01-01', '--json']);
    expect(JSON.parse(audit.stdout)).toEqual({ entries: [] });
  });

  it('reads a password from the input or a file, and refuses it as an argument', async () => {
    const reset = ['user', 'reset-password', USERS.carol.user_id];
    const typed = await admin([...reset, '--password', 'first-password-1']);
    expect(typed).toMatchObject({ code: 2, stderr: expect.stringContaining('is never an argument') });
    expect(typed.stderr).not.toContain('first-password-1');
    expect(await admin([...reset, '--password-file', '-'], { input: 'first-password-1\n' })).toMatchObject({ code: 0 });
    expect(await admin(reset, { input: 'second-password-2\n' })).toMatchObject({ code: 0 });
    const token = await runCommand(['--url', plugin.origin, '--token', 'x', 'user', 'list']);
    expect(token).toMatchObject({ code: 2, stderr: expect.stringContaining('--token-file') });
  });

  it('does nothing destructive without a confirmation', async () => {
    const purge = ['room', 'purge', ROOM, '--evacuate'];
    expect(await admin(purge)).toMatchObject({ code: 9, stderr: expect.stringContaining('--yes') });
    const tried = await admin([...purge, '--dry-run']);
    expect(tried, tried.stderr).toMatchObject({ code: 0 });
    expect(tried.stdout).toMatch(/^deleted\.roomserver_rooms +1$/m);
    // The other tables are only counted.
    expect(tried.stdout).not.toMatch(/^deleted\.\S+ +0$/m);
    const { deleted } = JSON.parse((await admin([...purge, '--dry-run', '--json'])).stdout);
    const none = Object.values(deleted).filter((rows) => rows === 0).length;
    expect(tried.stdout).toMatch(new RegExp(`^deleted +nothing from ${none} tables$`, 'm'));
    expect(await client.request('roomInfo', { roomId: ROOM })).toMatchObject({ members: { local: { join: 3 } } });
    const done = await admin([...purge, '--yes', '--json']);
    expect(JSON.parse(done.stdout)).toMatchObject({ job_id: expect.any(String), deleted: { roomserver_rooms: 1 } });
  });

  it('starts a job without waiting, and watches it later', async () => {
    const started = await admin(['reindex', '--no-wait', '--json']);
    const { job_id: jobId } = JSON.parse(started.stdout);
    const watched = await admin(['jobs', 'watch', jobId, '--json']);
    expect(JSON.parse(watched.stdout)).toMatchObject({ job_id: jobId, documents: expect.any(Number) });
    const tail = await admin(['audit', 'tail', '--no-follow', '--json']);
    expect(
      tail.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).operation),
    ).toContain('reindexFulltext');
  });

  it.each<[number, string, readonly string[]]>([
    [2, 'There is no command rooom. Did you mean room?', ['rooom', 'list']],
    [2, 'There is no command room purg. Did you mean room purge?', ['room', 'purg']],
    [2, 'There is no option --evacuat. Did you mean --evacuate?', ['room', 'purge', ROOM, '--evacuat']],
    [2, 'The <room-id> is missing. See matrix-admin room show --help.', ['room', 'show']],
    [2, '--limit must be a whole number, not "many".', ['room', 'list', '--limit', 'many']],
    [2, '--direction must be one of f, b, not "up".', ['room', 'list', '--direction', 'up']],
    [2, 'M_INVALID_PARAM: bad parameter "--search-term"', ['room', 'list', '--search-term', '']],
    [2, 'This command has no dry run.', ['room', 'list', '--dry-run']],
    [4, 'M_NOT_FOUND', ['user', 'show', `@nobody:${SERVER_NAME}`]],
    [5, 'M_BAD_STATE', ['device', 'refresh', '@someone:other.example']],
  ])('that is wrong ends with %i and says: %s', async (code, message, args) => {
    expect(await admin(args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  it('says what to do if it cannot connect', async () => {
    expect(await runCommand(['room', 'list'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--url') });
    const url = ['--url', plugin.origin];
    expect(await runCommand([...url, 'room', 'list'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--token-file'),
    });
    const wrong = await runCommand([...url, 'room', 'list'], { environment: { MATRIX_ADMIN_TOKEN: 'no-such-token' } });
    expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining('Log in again') });
    const nobody = await runCommand([...url, 'room', 'list'], {
      environment: { MATRIX_ADMIN_TOKEN: USERS.alice.access_token },
    });
    expect(nobody).toMatchObject({ code: 3, stderr: expect.stringContaining('user set-admin') });
    const nowhere = await runCommand(['--url', 'http://127.0.0.1:9', 'room', 'list'], {
      environment: { MATRIX_ADMIN_TOKEN: 'x' },
    });
    expect(nowhere).toMatchObject({ code: 6, stderr: expect.stringContaining('does not answer') });
  });

  it('shows times as dates', async () => {
    const created = await admin(['token', 'create', '--expiry-time', '2999-01-31']);
    expect(created.stdout).toMatch(/^expiry_time +2999-01-31T00:00:00Z$/m);
  });

  it('shows each entry of the audit once, however many there are and in whatever order they are committed', async () => {
    const { db } = plugin.database;
    const insert = (queries: typeof db, names: readonly string[]) =>
      queries('matrix_admin.audit').insert(
        names.map((operation) => ({ operation, outcome: 'ok', actor: 'system:tail', request_id: 'x' })),
      );
    let output = '';
    const shown = (): string[] =>
      [...output.matchAll(/"operation":"(\w+)","outcome":"ok","actor":"system:tail"/g)].map(([, name = '']) => name);
    await insert(db, ['before']);
    const slow = await db.transaction();
    await insert(slow, ['slow']);
    await insert(db, ['after']);
    const stop = new AbortController();
    const tail = admin(['audit', 'tail', '--json'], {
      signal: stop.signal,
      onOutput: (text) => {
        output = text;
      },
    });
    await expect.poll(shown).toEqual(['before', 'after']);
    const burst = Array.from({ length: 1_100 }, (_, n) => `burst${n}`);
    await slow.commit();
    await insert(db, burst);
    await expect.poll(shown, { timeout: 5_000 }).toContain('burst1099');
    stop.abort();
    await tail;
    expect(shown()).toEqual(['before', 'after', 'slow', ...burst]);
  });

  it('shows no control characters from names of rooms and users', async () => {
    const named = await admin(['user', 'set', USERS.bob.user_id, '--display-name', 'Bob\u001b[31m\u202e']);
    expect(named).toMatchObject({ code: 0 });
    expect(named.stdout).toContain('Bob�[31m�');
  });
});

describe('--database', () => {
  it('refuses while another program is connected, and says which', async () => {
    const keyFile = await writeKeyFile(directory);
    const args = ['--homeserver', SERVER_NAME, '--signing-key', keyFile];
    const environment = { MATRIX_ADMIN_DATABASE: plugin.database.connectionString };
    await plugin.database.db.raw('SELECT 1');
    const refused = await runCommand([...args, 'user', 'list'], { environment });
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('--beside-server') });
    expect(refused.stderr).toMatch(/a program without a name, such as Dendrite, as \w+.*, \d+ connections?\n/);
    const beside = await runCommand([...args, '--beside-server', 'user', 'list', '--json'], { environment });
    expect(beside, beside.stderr).toMatchObject({ code: 0 });
    const purge = await runCommand([...args, '--beside-server', 'room', 'purge', ROOM, '--yes'], { environment });
    expect(purge).toMatchObject({ code: 5, stderr: expect.stringContaining('Stop Dendrite') });
  });

  it('says what is missing', async () => {
    const run = (...args: string[]): Promise<Ran> => runCommand([...args, 'user', 'list']);
    const url = 'postgres://nobody@127.0.0.1:9/none';
    expect(await run('--database', url)).toMatchObject({ code: 2, stderr: expect.stringContaining('--homeserver') });
    const named = ['--database', url, '--homeserver', 'a.example'];
    expect(await run(...named)).toMatchObject({ code: 2, stderr: expect.stringContaining('--signing-key') });
    const noFile = await run(...named, '--signing-key', join(directory, 'none.pem'));
    expect(noFile).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
    const noKey = await run(...named, '--signing-key', join(directory, 'token'));
    expect(noKey).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a key file') });
    const secret = await run('--database', 'postgres://nobody:hunter22@127.0.0.1/none');
    expect(secret).toMatchObject({ code: 2, stderr: expect.stringContaining('MATRIX_ADMIN_DATABASE') });
    expect(secret.stderr).not.toContain('hunter22');
    const away = await run(...named, '--signing-key', await writeKeyFile(directory));
    expect(away).toMatchObject({ code: 6, stderr: expect.stringContaining('no server listens there') });
  });
});

describe('serve', () => {
  it('runs operations that are safe beside a running Dendrite, and refuses others with the remedy', async () => {
    const stop = new AbortController();
    let origin = '';
    const running = runCommand(
      ['serve', '--port', '0', '--homeserver', SERVER_NAME, '--signing-key', await writeKeyFile(directory)],
      {
        environment: { MATRIX_ADMIN_DATABASE: plugin.database.connectionString },
        signal: stop.signal,
        onOutput: (text) => {
          origin = /ready (\S+)\n/.exec(text)?.[1] ?? '';
        },
      },
    );
    await expect.poll(() => origin).not.toBe('');
    const at = async (method: string, path: string, body?: object) =>
      jsonOf(
        await request(origin, path, {
          method,
          headers: bearer(USERS.admin.access_token),
          ...(body && { body: JSON.stringify(body) }),
        }),
      );
    expect(await at('GET', '/_synapse/admin/v3/users?limit=1')).toMatchObject({ users: [{}] });
    const user = `/_synapse/admin/v2/users/${encodeURIComponent(USERS.carol.user_id)}`;
    expect(await at('PUT', user, { displayname: 'C' })).toMatchObject({ displayname: 'C' });
    expect(await at('PUT', user, { locked: true })).toMatchObject({ errcode: 'ORG_KOA_MATRIX_ADMIN_BESIDE_DENDRITE' });
    const room = encodeURIComponent(server.rooms.v11);
    const stopDendrite = {
      errcode: 'ORG_KOA_MATRIX_ADMIN_BESIDE_DENDRITE',
      error: expect.stringContaining('Stop Dendrite'),
    };
    expect(await at('POST', `/_dendrite/admin/purgeRoom/${room}`, { dry_run: true })).toMatchObject(stopDendrite);
    expect(await at('DELETE', `/_synapse/admin/v1/rooms/${room}`, {})).toMatchObject(stopDendrite);
    stop.abort();
    expect(await running).toMatchObject({ code: 0 });
  });

  it('does not continue an unfinished purge', async () => {
    await plugin.database.db('matrix_admin.jobs').insert({
      kind: 'purgeRoom',
      dedupe_key: 'left',
      state: 'queued',
      input: {},
      created_by: 'system:test',
      run_after: new Date(Date.now() + 86_400_000),
    });
    const refused = await runCommand(
      ['serve', '--port', '0', '--homeserver', SERVER_NAME, '--signing-key', await writeKeyFile(directory)],
      { environment: { MATRIX_ADMIN_DATABASE: plugin.database.connectionString } },
    );
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('purgeRoom') });
  });
});

describe('the help', () => {
  it('shows all commands, a group, or one command with examples', async () => {
    expect(await runCommand(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('user set-admin') });
    expect(await runCommand(['room', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('room purge'),
    });
    const { stdout } = await runCommand(['room', 'purge', '--help']);
    expect(stdout).toMatch(/^Usage: matrix-admin room purge <room-id> \[options\]$/m);
    expect(stdout).toContain("matrix-admin room purge '!id:example.org' --evacuate --block");
    expect(await runCommand([])).toMatchObject({ code: 2, stderr: expect.stringContaining('Commands:') });
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, stdout: '1.2.3\n' });
  });

  it('has a text for every command and every parameter', () => {
    const bare = COMMANDS.flatMap(({ name, text, parameters }) => [
      ...(text === '' ? [name] : []),
      ...parameters.filter((parameter) => parameter.text === '').map((parameter) => `${name} ${parameter.name}`),
    ]);
    expect(bare).toEqual([]);
    const clashes = COMMANDS.flatMap((command) =>
      Object.keys(optionsOf(command)).filter((name) => name in GLOBAL_OPTIONS),
    );
    expect(clashes).toEqual([]);
  });

  it('completes commands, options and values', () => {
    expect(completionsOf(['ro'])).toEqual(['room', 'room-report']);
    expect(completionsOf(['--url', 'x', 'room', 'purge-a'])).toEqual(['purge-abandoned']);
    expect(completionsOf(['room', 'purge', '--ev'])).toEqual(['--evacuate']);
    expect(completionsOf(['room', 'list', '--direction', ''])).toEqual(['f', 'b']);
    expect(completionsOf(['--homes'])).toEqual(['--homeserver']);
  });

  it.each(['bash', 'zsh', 'fish'])('prints a completion script for %s', async (shell) => {
    expect(await runCommand(['completion', shell])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('__complete'),
    });
  });
});

it('an operation without an entry for a running Dendrite is refused beside it', () => {
  expect(besideDendrite('joinRoom', 'write')).toMatchObject({
    verdict: 'refused',
    text: expect.stringContaining('Nobody'),
  });
  expect(besideDendrite('listRooms', 'read')).toMatchObject({ verdict: 'at-once' });
});
