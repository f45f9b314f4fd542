import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { createGatedSearch } from '../support/gated-search.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { writeKeyFile } from './key-file.ts';
import { PROGRAM, runOnTerminal, type Step, type TerminalRun } from './pseudo-terminal.ts';

const CTRL_C = '\u0003';
const ROOM = server.rooms.v10;
const JOB_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** An index that is filled slowly, so that the progress of the job can be seen. */
const slowSearch = createGatedSearch({ batchSize: 2, lanes: 1, batchMs: 150 });

let plugin: MountedPlugin;
let directory: string;
let home: string;
let tokenFile: string;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { ...ALL_ROUTES, search: slowSearch.adapter } });
  directory = await makeScratchDirectory('matrix-admin-');
  tokenFile = join(directory, 'token');
  await writeFile(tokenFile, USERS.admin.access_token);
});
beforeEach(async () => {
  home = join(directory, 'home');
  await mkdir(home, { recursive: true });
});
afterAll(async () => {
  await plugin.close();
  await rm(directory, { recursive: true });
});

const overHttp = (args: readonly string[], steps: readonly Step[]): Promise<TerminalRun> =>
  runOnTerminal(['--url', plugin.origin, '--token-file', tokenFile, ...args], steps, { directory: home });

/** Removes the sequences that control the terminal. */
// oxlint-disable-next-line no-control-regex
const visible = (output: string): string => output.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '');

describe('on a terminal', () => {
  it('asks for the access token and a password, and shows neither', async () => {
    const password = 'a-long-new-password-1';
    const { output, code, failed, inspected } = await runOnTerminal(
      ['--url', plugin.origin, 'user', 'reset-password', USERS.bob.user_id],
      [
        { expect: 'New password', send: `${password}\r` },
        { expect: 'The same password', send: `${password}\r` },
        { expect: 'Access token', send: `${USERS.admin.access_token}\r`, inspect: true },
      ],
      { directory: home },
    );
    expect({ code, failed }, output).toEqual({ code: 0, failed: null });
    const logged = plugin.logger.lines.map((line) => JSON.stringify(line)).join('\n');
    const { rows } = await plugin.database.db.raw(
      'SELECT string_agg(a::text, $$ $$) AS text FROM matrix_admin.audit a',
    );
    for (const secret of [password, USERS.admin.access_token]) {
      for (const text of [output, inspected ?? '', logged, String(rows[0].text)]) expect(text).not.toContain(secret);
    }
    expect(inspected).toContain('reset-password');
    // The program has written neither a history nor a cache.
    expect(await readdir(home)).toEqual([]);
    const login = await plugin.admin.operations.getUser(
      { userId: USERS.bob.user_id },
      { actor: { kind: 'system', name: 'test' } },
    );
    expect(login.isDeactivated).toBe(false);
  });

  it('refuses two different passwords, and ends at Ctrl-C', async () => {
    const args = ['user', 'reset-password', USERS.bob.user_id];
    const differing = await overHttp(args, [
      { expect: 'New password', send: 'first-password\r' },
      { expect: 'again', send: 'other-password\r' },
    ]);
    expect(differing).toMatchObject({ code: 2, output: expect.stringContaining('The two inputs differ') });
    const interrupted = await overHttp(args, [{ expect: 'New password', send: CTRL_C }]);
    expect(interrupted).toMatchObject({ code: 130, output: expect.stringContaining('Nothing has changed') });
  });

  it('shows what a purge will do, and does it only for the right name', async () => {
    const args = ['room', 'purge', ROOM, '--evacuate'];
    const wrong = await overHttp(args, [{ expect: 'Type .* to go on: ', send: 'yes\r' }]);
    expect(wrong, wrong.output).toMatchObject({ code: 9, output: expect.stringContaining('Nothing has changed') });
    expect(visible(wrong.output)).toMatch(/The room\r\n[^]*name +Room v10/);
    expect(visible(wrong.output)).toMatch(/members\.local\.join +3/);
    expect(visible(wrong.output)).toMatch(/What room purge will do\r\n[^]*deleted\.roomserver_events +\d+/);
    const rooms = await plugin.database.db('roomserver_rooms').where({ room_id: ROOM });
    expect(rooms).toHaveLength(1);
    const right = await overHttp(args, [{ expect: 'Type .* to go on: ', send: `${ROOM}\r` }]);
    expect(right, right.output).toMatchObject({ code: 0, failed: null });
    expect(await plugin.database.db('roomserver_rooms').where({ room_id: ROOM })).toEqual([]);
  });

  it('shows a bar that fits the terminal, before and after a resize', async () => {
    const { output, code, failed } = await overHttp(
      ['reindex'],
      [{ expect: '\\d+ %', resize: [24, 40] }, { expect: 'processes +' }],
    );
    expect({ code, failed }, output).toEqual({ code: 0, failed: null });
    const [before, after] = halves(output);
    expect(visible(before)).toMatch(/reindexFulltext: load {2}[█░]{24} {2}\d+ %/);
    for (const line of visible(after)
      .split('\r')
      .filter((text) => text.includes('reindex'))) {
      expect(line.trimEnd().length).toBeLessThan(40);
    }
    expect(visible(after)).toMatch(/reindexFulltext: load {2}\d+ % {2}\d+ s left\r?/);
    expect(visible(after)).not.toMatch(/load.*[█░]/);
  });

  it('leaves the job running at Ctrl-C, and says how to come back', async () => {
    const interrupted = await overHttp(['reindex'], [{ expect: '[1-9]\\d* %', send: CTRL_C }]);
    expect(interrupted, interrupted.output).toMatchObject({ code: 130, failed: null });
    const text = visible(interrupted.output);
    const [jobId = ''] = JOB_ID.exec(text) ?? [];
    expect(text).toContain(`The job ${jobId} goes on at the homeserver.`);
    expect(text).toContain(`matrix-admin --url ${plugin.origin} --token-file ${tokenFile} jobs watch ${jobId}`);
    expect(jsonOf(await plugin.asAdmin(`/_dendrite/admin/jobs/${jobId}`))).toMatchObject({ state: 'running' });
    const watched = await overHttp(['jobs', 'watch', jobId], []);
    expect(watched, watched.output).toMatchObject({ code: 0, output: expect.stringContaining('documents') });
  });

  it('ends with the code of a cancelled job', async () => {
    const watching = overHttp(['reindex'], []);
    let jobId = '';
    await expect
      .poll(async () => {
        const { jobs } = jsonOf(await plugin.asAdmin('/_dendrite/admin/jobs?state=running')) as {
          jobs: { id: string }[];
        };
        jobId = jobs[0]?.id ?? '';
        return jobId;
      })
      .not.toBe('');
    const cancelled = await overHttp(['jobs', 'cancel', jobId], []);
    expect(cancelled).toMatchObject({ code: 0 });
    expect(await watching).toMatchObject({ code: 8, output: expect.stringContaining('was cancelled') });
  });

  it('has colours only on a terminal, and not with NO_COLOR', async () => {
    const args = ['--url', plugin.origin, '--token-file', tokenFile, 'room', 'list'];
    const coloured = await runOnTerminal(args, [], { directory: home });
    expect(coloured.output).toContain('\u001b[1m');
    const plain = await runOnTerminal(args, [], { directory: home, environment: { NO_COLOR: '1' } });
    expect(plain.output).not.toContain('\u001b[');
    for (const line of plain.output.split('\r\n')) expect(line.length).toBeLessThanOrEqual(80);
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args]);
    expect(stdout).not.toContain('\u001b');
  });
});

/** Splits the output at the time at which the terminal became narrow. */
function halves(output: string): [string, string] {
  const at = output.indexOf('%') + 1;
  // The program may have begun one more line before it noticed the new width.
  const next = output.indexOf('\r', output.indexOf('\r', at) + 1);
  return [output.slice(0, next), output.slice(next)];
}

describe('on the database', () => {
  let alone: TestDatabase;
  let keyFile: string;
  beforeAll(async () => {
    alone = await createTestDatabase({ fixture: true });
    keyFile = await writeKeyFile(directory);
  });
  afterAll(() => alone.drop());

  const onDatabase = (args: readonly string[], steps: readonly Step[] = []): Promise<TerminalRun> =>
    runOnTerminal(['--homeserver', SERVER_NAME, '--signing-key', keyFile, ...args], steps, {
      directory: home,
      environment: { MATRIX_ADMIN_DATABASE: alone.connectionString },
    });

  it('makes the first administrator', async () => {
    const { output, code } = await onDatabase(['user', 'set-admin', USERS.bob.user_id]);
    expect(code, output).toBe(0);
    const rows = await alone.db('userapi_accounts').where({ localpart: 'bob' }).select('account_type');
    expect(rows).toEqual([{ account_type: 3 }]);
    await alone.db.destroy();
  });

  it('evacuates a room after a confirmation, and writes the audit', async () => {
    const { output, code } = await onDatabase(
      ['room', 'evacuate', server.rooms.v9],
      [{ expect: 'to go on: ', send: `${server.rooms.v9}\r` }],
    );
    expect(code, output).toBe(0);
    expect(visible(output)).toContain(USERS.alice.user_id);
    const audit = await onDatabase(['audit', 'tail', '--no-follow', '--json']);
    expect(visible(audit.output)).toMatch(/"actor":"system:matrix-admin \(\w+\)"/);
  });

  it('prints no secret of the database', async () => {
    const { output, inspected } = await runOnTerminal(
      [
        '--homeserver',
        SERVER_NAME,
        '--signing-key',
        keyFile,
        'user',
        'list',
        '--database',
        'postgres://x:hunter22@127.0.0.1:9/x',
      ],
      [],
      { directory: home },
    );
    expect(output).not.toContain('hunter22');
    expect(inspected).toBeNull();
  });
});

describe('the program', () => {
  it('answers --help in under 300 ms', async () => {
    const times: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      // Measures processor time, because other programs on the machine change the elapsed time.
      const script = `TIMEFORMAT='%U %S'; time "${process.execPath}" "${PROGRAM}" --help > /dev/null`;
      const { stderr } = await promisify(execFile)('bash', ['-c', script]);
      times.push(
        stderr
          .trim()
          .split(' ')
          .reduce((sum, seconds) => sum + Number(seconds) * 1_000, 0),
      );
    }
    process.stdout.write(`matrix-admin --help: ${Math.round(Math.min(...times))} ms\n`);
    expect(Math.min(...times)).toBeLessThan(300);
  });

  it('completes commands in bash', async () => {
    const script = `
      matrix-admin() { "${process.execPath}" "${PROGRAM}" "$@"; }
      eval "$(matrix-admin completion bash)"
      COMP_WORDS=(matrix-admin room pur); COMP_CWORD=2; _matrix_admin; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(matrix-admin room list --direction ""); COMP_CWORD=4; _matrix_admin; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script]);
    expect(stdout).toBe('purge purge-abandoned\nf b\n');
  });
});
