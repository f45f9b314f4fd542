import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { fixture, request } from './fixture-homeserver.ts';

const MAIN = fileURLToPath(new URL('../../dist/reference-host/main.js', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Resolves with the exit code, or with the signal that ended the process. */
  readonly exit: Promise<number | string>;
}

let directory: string;
let database: TestDatabase;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await makeScratchDirectory('homeserver-');
  database = await createTestDatabase({ fixture: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await database.drop();
  await rm(directory, { recursive: true });
});

function run(environment: Record<string, string>): Omit<Running, 'origin'> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PORT: '0', SERVER_NAME: fixture.server_name, ...environment };
  const child = spawn(process.execPath, [MAIN], { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const exit = once(child, 'close').then(([code, signal]) => code ?? signal);
  return { child, exit, output: () => ({ stdout, stderr }) };
}

async function start(
  environment: Record<string, string> = { DATABASE_URL: database.connectionString },
): Promise<Running> {
  const running = run(environment);
  const origin = await new Promise<string>((resolve, reject) => {
    running.child.stdout?.on('data', () => {
      const [, url] = /^ready (\S+)\n/.exec(running.output().stdout) ?? [];
      if (url !== undefined) resolve(url);
    });
    running.exit.then((code) => reject(new Error(`exited with ${code}: ${running.output().stderr}`)), reject);
  });
  return { ...running, origin };
}

const asAlice = { authorization: `Bearer ${fixture.users.alice.access_token}` };

describe('the homeserver process', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'prints its address and how to get a token, serves, and exits with 0 on %s',
    async (signal) => {
      const { child, origin, output, exit } = await start();
      expect((await request(new URL('/_matrix/client/versions', origin), {})).status).toBe(200);
      child.kill(signal);
      expect(await exit).toBe(0);
      const { stdout, stderr } = output();
      const [ready, token, ...more] = stdout.split('\n');
      expect(ready).toBe(`ready ${origin}`);
      expect(token).toContain(`A token of ${fixture.users.admin.user_id}: curl -d '{`);
      expect(more).toEqual([expect.stringContaining(origin), '']);
      expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
      expect(await readdir(join(directory, '.data'))).toEqual(['matrix_key.pem']);
    },
  );

  test('stops despite idle connections and further signals', async () => {
    const { child, origin, exit } = await start();
    const agent = new Agent({ keepAlive: true });
    const response = await new Promise<NodeJS.ReadableStream>((resolve) => {
      httpRequest(new URL('/health', origin), { agent }, resolve).end();
    });
    response.resume();
    await once(response, 'end');
    const silent = connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const startedAt = Date.now();
    child.kill('SIGTERM');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(4_000);
    agent.destroy();
    silent.destroy();
  });

  test('finishes a running request', async () => {
    const { child, origin, exit } = await start();
    const body = JSON.stringify({ search_categories: { room_events: { search_term: 'hello' } } });
    const asked = httpRequest(new URL('/_matrix/client/v3/search', origin), {
      method: 'POST',
      headers: { ...asAlice, 'content-length': Buffer.byteLength(body), expect: '100-continue' },
    });
    asked.flushHeaders();
    // The server has got the headers of the request, and waits for the body.
    await once(asked, 'continue');
    child.kill('SIGTERM');
    await expect
      .poll(async () =>
        request(new URL('/health', origin), {}).then(
          () => 'accepts',
          () => 'refuses',
        ),
      )
      .toBe('refuses');
    asked.end(body);
    const [response] = await once(asked, 'response');
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
    response.resume();
    expect(await exit).toBe(0);
  });

  test('ends event streams and hands back a job', async () => {
    const { child, origin, exit } = await start();
    const headers = { authorization: `Bearer ${fixture.users.admin.access_token}` };
    const { body } = await request(new URL('/_dendrite/admin/fulltext/reindex', origin), { method: 'POST', headers });
    const stream = await fetch(new URL(`/_dendrite/admin/jobs/${body.job_id}/events`, origin), { headers });
    child.kill('SIGTERM');
    await stream.text().catch(() => '');
    expect(await exit).toBe(0);
    const [job] = await database.db('matrix_admin.jobs').where('id', body.job_id).select('state');
    expect(['queued', 'succeeded']).toContain(job.state);
  });

  test('reports mistakes in its environment, one line each, and exits with 1', async () => {
    const { exit, output } = run({ PORT: 'http', SEARCH: 'google', DATABASE_URL: 'hunter2' });
    expect(await exit).toBe(1);
    const { stdout, stderr } = output();
    expect(stdout).toBe('');
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(new Set(lines.map((line) => line.split(':')[0]))).toEqual(new Set(['DATABASE_URL', 'PORT', 'SEARCH']));
    expect(stderr).not.toContain('hunter2');
  });

  test('serves other servers over TLS, with a permanent certificate', async () => {
    const certificates: string[] = [];
    for (const round of [1, 2]) {
      const environment = { DATABASE_URL: database.connectionString, FEDERATION_PORT: '0' };
      const { child, output, exit } = await start(environment);
      const [, port] = /"port":(\d+),"msg":"Serving other servers"/.exec(output().stderr) ?? [];
      const socket = connectTls({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      certificates.push(socket.getPeerCertificate().fingerprint256);
      socket.write('GET /_matrix/key/v2/server HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const answer = (await socket.toArray()).join('');
      expect(answer, `round ${round}`).toContain(`"server_name":"${fixture.server_name}"`);
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
      expect(output().stdout).toMatch(/^ready \S+\n/);
    }
    expect(new Set(certificates).size).toBe(1);
    expect((await stat(join(directory, '.data', 'federation.pem'))).mode & 0o777).toBe(0o600);
  });

  test('exits with 1 if the port is in use', async () => {
    const { origin, child, exit } = await start();
    const second = run({ DATABASE_URL: database.connectionString, PORT: new URL(origin).port });
    expect(await second.exit).toBe(1);
    expect(second.output().stderr).toContain('EADDRINUSE');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('starts its own database with an administrator, who gets a token as printed, and uses it again', async () => {
    const password = 'correct horse';
    for (const environment of [{ ADMIN_PASSWORD: password }, {}]) {
      const { child, origin, output, exit } = await start(environment);
      const [, login = '', url = ''] = /curl -d '([^']+)' (\S+)/.exec(output().stdout) ?? [];
      const body = login.replace('<password>', password);
      const answer = await request(new URL(url), { method: 'POST', body });
      expect([answer.status, answer.body.user_id]).toEqual([200, `@admin:${fixture.server_name}`]);
      const headers = { authorization: `Bearer ${answer.body.access_token}` };
      expect((await request(new URL('/_synapse/admin/v2/users', origin), { headers })).body.total).toBe(1);
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
    }
    expect(new Set(await readdir(join(directory, '.data')))).toEqual(new Set(['matrix_key.pem', 'postgres']));
  }, 60_000);
});
