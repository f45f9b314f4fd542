import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const program = (name: string): string => join(ROOT, 'dist', 'reference-host', `${name}.js`);
/** Time limit of a test. Creating a PostgreSQL cluster takes some seconds. */
const LIMIT = { timeout: 60_000 };

let directory: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await makeScratchDirectory('left-overs-');
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

function start(args: readonly string[], cwd: string, environment: Record<string, string> = {}): ChildProcess {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PORT: '0', ...environment };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

const processIds = async (): Promise<string[]> => (await readdir('/proc')).filter((name) => /^\d+$/.test(name));

/** Finds the data directories of the PostgreSQL servers that a process has started. */
async function serversOf({ pid }: ChildProcess): Promise<string[]> {
  const found = await Promise.all(
    (await processIds()).map(async (id) => {
      const [stat, command] = await Promise.all(
        ['stat', 'cmdline'].map((file) => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')),
      );
      const parent = Number(
        stat
          ?.slice(stat.lastIndexOf(')') + 1)
          .trim()
          .split(' ')[1],
      );
      const args = command?.split('\0') ?? [];
      return parent === pid && args[0]?.endsWith('/postgres') ? [args[args.indexOf('-D') + 1] ?? ''] : [];
    }),
  );
  return found.flat();
}

/** Tells whether a PostgreSQL server still runs on a data directory. */
async function isServed(dataDir: string): Promise<boolean> {
  const commands = await Promise.all(
    (await processIds()).map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.some((command) => command.split('\0').includes(dataDir));
}

describe.runIf(process.platform === 'linux')('nothing is left', () => {
  it('after a homeserver whose terminal was closed', LIMIT, async () => {
    const child = start([program('main')], directory);
    await once(child.stdout ?? child, 'data');
    const [dataDir = ''] = await serversOf(child);
    child.kill('SIGHUP');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect([dataDir, await isServed(dataDir)]).toEqual([expect.stringContaining(directory), false]);
  });

  it.each([
    ['whose output pipe was closed', (child: ChildProcess) => child.stdout?.destroy()],
    ['whose terminal was closed', (child: ChildProcess) => child.kill('SIGHUP')],
  ])('after a demo %s', LIMIT, async (_title, interrupt) => {
    const child = start([program('demo')], directory);
    await expect.poll(() => serversOf(child), { timeout: 30_000, interval: 50 }).toHaveLength(1);
    const [dataDir = ''] = await serversOf(child);
    interrupt(child);
    await once(child, 'exit');
    expect(await isServed(dataDir)).toBe(false);
    expect(await readdir(join(directory, '.data'))).toEqual([]);
  });

  it('after a test run that Ctrl-C ends', LIMIT, async () => {
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--project', 'tests', 'test/json.test.ts'];
    const child = start(args, ROOT, { DIST_IS_BUILT: '1' });
    await expect.poll(() => serversOf(child), { timeout: 30_000, interval: 50 }).toHaveLength(1);
    const [dataDir = ''] = await serversOf(child);
    child.kill('SIGINT');
    await once(child, 'exit');
    await expect.poll(() => isServed(dataDir)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });
});
