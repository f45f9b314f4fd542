import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainExit } from '../../src/reference-host/explain-exit.ts';
import { createHomeserver } from '../../src/reference-host/homeserver.ts';
import { requireNode } from '../../src/reference-host/require-node.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey } from '../support/dendrite-server.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const MAIN = fileURLToPath(new URL('../../dist/reference-host/main.js', import.meta.url));
const PASSWORD = 'a-password-nobody-may-see';

let directory: string;
let database: TestDatabase;
let role: string;
beforeAll(async () => {
  directory = await makeScratchDirectory('start-failures-');
  await mkdir(join(directory, '.data'));
  database = await createTestDatabase({ fixture: true });
  role = `limited_${process.pid}`;
  await database.db.raw(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
});
afterAll(async () => {
  await database.db.raw(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await database.drop();
  await rm(directory, { recursive: true });
});

/** Returns what a homeserver process prints before it exits. */
async function saidBy(environment: Record<string, string>): Promise<string> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PORT: '0', SERVER_NAME: 'localhost', ...environment };
  const child = spawn(process.execPath, [MAIN], { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  child.stdout.on('data', (chunk) => (said += chunk));
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  return said;
}

/** Returns the error of a homeserver that does not start. */
async function failure(databaseUrl: string): Promise<string> {
  const logger = createCapturedLogger();
  const settings = { databaseUrl, signingKey: createSigningKey(), search: false, rateLimit: true, logger } as const;
  const homeserver = createHomeserver(settings);
  const error: unknown = await homeserver.listen(0).catch((thrown: unknown) => thrown);
  await homeserver.close();
  expect(logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  return explainExit(error);
}

function urlWith(change: (url: URL) => void): string {
  const url = new URL(database.connectionString);
  change(url);
  return url.href;
}

describe('a homeserver that cannot start reports in one line the problem, the place and the remedy', () => {
  it.each<[string, (url: URL) => void, RegExp]>([
    [
      'a wrong password',
      (url) => (url.password = PASSWORD),
      /role postgres: the server refuses the role or its password/,
    ],
    [
      'a missing database',
      (url) => (url.pathname = '/nowhere'),
      /database nowhere.*: the database does not exist\. Create it/,
    ],
    ['a closed port', (url) => (url.port = '1'), /:1, .*: no server listens there\. Start PostgreSQL/],
    [
      'a role without rights',
      (url) => {
        url.username = role;
        url.password = PASSWORD;
      },
      /role limited_\d+: the role lacks a privilege\. .*GRANT CREATE/,
    ],
  ])('%s', async (_name, change, expected) => {
    const said = await failure(urlWith(change));
    expect(said).toMatch(expected);
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(said).not.toContain(PASSWORD);
    expect(said).not.toMatch(/^\s+at |CREATE TABLE|SELECT /m);
  });

  it('tables of another program', async () => {
    const other = await createTestDatabase({ migrated: false });
    await other.db.raw('CREATE TABLE matrix_admin.jobs (id int)');
    const said = await failure(other.connectionString);
    await other.drop();
    expect(said).toMatch(/another program has already created a table with this name.*Use a separate database.*42P07/);
    expect(said).not.toMatch(/CREATE TABLE/);
  });

  it('a database in another encoding', async () => {
    const name = `latin_${process.pid}`;
    await database.db.raw(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    const said = await failure(urlWith((url) => (url.pathname = `/${name}`)));
    await database.db.raw(`DROP DATABASE ${name}`);
    expect(said).toMatch(/needs a database with the encoding UTF8\. This one has LATIN1/);
  });

  it('also as the last output of its process', async () => {
    const said = await saidBy({ DATABASE_URL: urlWith((url) => (url.pathname = '/nowhere')) });
    expect(said).toMatch(
      /^PostgreSQL at \S+:\d+, database nowhere, role postgres: the database does not exist\. [^\n]+\n$/,
    );
  });

  it('a missing folder of the signing key', async () => {
    const key = '/nonexistent/dir/k.pem';
    const said = await saidBy({ DATABASE_URL: urlWith((url) => (url.pathname = '/nowhere')), SIGNING_KEY: key });
    expect(said).toBe('SIGNING_KEY: the folder /nonexistent does not exist: create it, or correct the path\n');
  });

  it('a version of Node.js that is too old', () => {
    expect(() => requireNode('18.20.1')).toThrow('this needs Node.js 20.19 or later, and it runs on 18.20.1');
    expect(() => requireNode('20.18.3')).toThrow('20.19 or later');
    for (const version of ['20.19.0', '22.0.0', '26.1.0']) expect(() => requireNode(version)).not.toThrow();
  });
});

describe('an error of the operating system', () => {
  it('includes a remedy if one is known', () => {
    const error = (code: string, syscall: string) => Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
    expect(explainExit(error('EADDRINUSE', 'listen'))).toContain('set PORT');
    expect(explainExit(error('EROFS', 'mkdir'))).toContain('read-only');
    expect(explainExit(error('EACCES', 'mkdir'))).toContain('run it in a folder of your own');
    expect(explainExit(error('EWHATEVER', 'mkdir'))).toBe('EWHATEVER: mkdir');
  });
});
