import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/reference-host/embedded-postgres.ts';
import { processStart } from '../../src/reference-host/process-identity.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const MAIN = new URL('../../dist/reference-host/embedded-postgres.js', import.meta.url).href;
const SETTINGS = { fsync: 'off' };

let base: string;
let opened: EmbeddedPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  base = await realpath(await makeScratchDirectory('embedded-postgres-'));
  // mkdtemp has created the folder with mode 0700.
  await chmod(base, 0o755);
  opened = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(opened.map((postgres) => postgres.stop()));
  await rm(base, { recursive: true, force: true });
});

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
  opened.push(postgres);
  return postgres;
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

/** Starts a process that starts the server and then only waits. */
async function startInChild(dataDir: string): Promise<{ child: ChildProcess; connectionString: string }> {
  const script = `
    const { startEmbeddedPostgres } = await import(process.argv[1]);
    const postgres = await startEmbeddedPostgres({ dataDir: process.argv[2], settings: { fsync: 'off' } });
    process.on('SIGTERM', () => postgres.stop().then(() => process.exit(0)));
    console.log(postgres.connectionString);
    setInterval(() => undefined, 1000);`;
  const args = ['--input-type=module', '-e', script, MAIN, dataDir];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [connectionString] = await once(createInterface(child.stdout), 'line');
  return { child, connectionString };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

async function postmasterPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8'), 10);
}

test('the data survives a restart, and nothing runs in between', async () => {
  const first = await start(base);
  await query(first.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const pid = await postmasterPid(base);
  await first.stop();
  expect(await processStart(pid)).toBeUndefined();

  const second = await start(base);
  expect(await query(second.connectionString, 'SELECT answer FROM kept')).toEqual([42]);
});

test('sorts and classifies UTF-8, requires the password, and listens only on the loopback', async () => {
  const { connectionString } = await start(base);
  expect(
    await query(connectionString, `SELECT lower('ÄÖ'), 'é' ~ '^\\w$', current_setting('server_encoding')`),
  ).toEqual(['äö', true, 'UTF8']);
  expect(await query(connectionString, `SELECT current_setting('listen_addresses')`)).toEqual(['127.0.0.1']);
  const url = new URL(connectionString);
  url.password = 'wrong';
  await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
});

test('two with separate data run at the same time', async () => {
  const [one, two] = await Promise.all([start(join(base, 'one')), start(join(base, 'two'))]);
  expect(one.connectionString).not.toBe(two.connectionString);
  await query(one.connectionString, 'CREATE TABLE only_in_one ()');
  await expect(query(two.connectionString, 'SELECT FROM only_in_one')).rejects.toThrow('does not exist');
});

describe('processes with the same data', () => {
  test('that start at the same time share one server, which the last one stops', async () => {
    const [first, second] = await Promise.all([startInChild(base), startInChild(base)]);
    expect(first.connectionString).toBe(second.connectionString);
    const pid = await postmasterPid(base);
    await kill(first.child, 'SIGTERM');
    expect(await query(second.connectionString, 'SELECT 1')).toEqual([1]);
    await kill(second.child, 'SIGTERM');
    expect(await processStart(pid)).toBeUndefined();
    expect(await readdir(join(base, 'users'))).toEqual([]);
  });

  test('use the server of a killed process, and stop it', async () => {
    const { child, connectionString } = await startInChild(base);
    await kill(child, 'SIGKILL');
    const adopted = await start(base);
    expect(adopted.connectionString).toBe(connectionString);
    const pid = await postmasterPid(base);
    await adopted.stop();
    expect(await processStart(pid)).toBeUndefined();
  });

  test('do not wait for the lock of a killed process', async () => {
    await writeFile(join(base, 'lock'), `${process.pid} 1`);
    await writeFile(join(base, 'lock.takeover'), '4194304 1');
    expect(await query((await start(base)).connectionString, 'SELECT 1')).toEqual([1]);
  });
});

test('a pid file left by a crash may name an unrelated process', async () => {
  const first = await start(base);
  const pid = await postmasterPid(base);
  const pidFile = await readFile(join(base, 'cluster', 'postmaster.pid'), 'utf8');
  await first.stop();
  // The process must not be this one, because PostgreSQL knows that its parent process is not a postmaster.
  const unrelated = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
  children.push(unrelated);
  await once(unrelated, 'spawn');
  await writeFile(join(base, 'cluster', 'postmaster.pid'), pidFile.replace(String(pid), String(unrelated.pid)));
  expect(await query((await start(base)).connectionString, 'SELECT 1')).toEqual([1]);
});

test('an interrupted creation does not block the next one', async () => {
  await mkdir(join(base, 'cluster.new', 'base'), { recursive: true });
  await writeFile(join(base, 'cluster.new', 'PG_VERSION'), '18\n');
  expect(await query((await start(base)).connectionString, 'SELECT 1')).toEqual([1]);
});

test('works below a directory that only its owner may enter', async () => {
  await chmod(base, 0o700);
  const dataDir = join(base, 'data');
  const postgres = await start(dataDir);
  await query(postgres.connectionString, 'CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n');
  await query(postgres.connectionString, 'CHECKPOINT');
  await postgres.stop();
  expect(await query((await start(dataDir)).connectionString, 'SELECT count(*)::int FROM t')).toEqual([1_000]);
});

test('reports why PostgreSQL does not start', async () => {
  const started = startEmbeddedPostgres({ dataDir: base, settings: { shared_buffers: 'plenty' } });
  await expect(started).rejects.toThrow(/invalid value for parameter "shared_buffers": "plenty"/);
});
