import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const orUndefined = <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);

/** A column of `ps`, for systems without `/proc`. */
async function ps(pid: number, column: string): Promise<string | undefined> {
  const result = await orUndefined(run('ps', ['-o', `${column}=`, '-p', String(pid)]));
  return result?.stdout.trim() || undefined;
}

/** State and start time of `/proc/<pid>/stat`; the process's name before them may hold blanks and parentheses. */
async function linuxStart(pid: number): Promise<string | undefined> {
  const stat = await orUndefined(readFile(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isDead = fields === undefined || fields[0] === 'Z' || fields[0] === 'X';
  return isDead ? undefined : fields[19];
}

/**
 * Tells a process from another one that got the same pid later: when it started, in whatever form the system says it.
 * `undefined`: there is no such process, or it is a zombie.
 */
export function processStart(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? linuxStart(pid) : ps(pid, 'lstart');
}

/** The arguments that a process was started with, as far as the system tells them apart. */
export async function processArguments(pid: number): Promise<readonly string[]> {
  if (process.platform !== 'linux') return (await ps(pid, 'command'))?.split(' ') ?? [];
  return (await orUndefined(readFile(`/proc/${pid}/cmdline`, 'utf8')))?.split('\0') ?? [];
}

/** What a lock or pid file says of its owner. */
export async function describeSelf(): Promise<string> {
  return `${process.pid} ${await processStart(process.pid)}`;
}

/** Whether the process that wrote `description` with `describeSelf` still runs. */
export async function isAlive(description: string): Promise<boolean> {
  const [pid, ...start] = description.split(' ');
  return (await processStart(Number(pid))) === start.join(' ');
}
