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

/** State and start time from `/proc/<pid>/stat`. The process name before them may contain spaces and parentheses. */
async function linuxStart(pid: number): Promise<string | undefined> {
  const stat = await orUndefined(readFile(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isDead = fields === undefined || fields[0] === 'Z' || fields[0] === 'X';
  return isDead ? undefined : fields[19];
}

/**
 * The start time of a process, in the format of the system. It distinguishes the process from a later one with the same pid.
 * `undefined` if there is no such process, or it is a zombie.
 */
export function processStart(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? linuxStart(pid) : ps(pid, 'lstart');
}

/** The arguments of a process, as far as the system separates them. */
export async function processArguments(pid: number): Promise<readonly string[]> {
  if (process.platform !== 'linux') return (await ps(pid, 'command'))?.split(' ') ?? [];
  return (await orUndefined(readFile(`/proc/${pid}/cmdline`, 'utf8')))?.split('\0') ?? [];
}

/** The content of a lock or pid file that identifies its owner. */
export async function describeSelf(): Promise<string> {
  return `${process.pid} ${await processStart(process.pid)}`;
}

/** Whether the process that wrote `description` with `describeSelf()` is still running. */
export async function isAlive(description: string): Promise<boolean> {
  const [pid, ...start] = description.split(' ');
  return (await processStart(Number(pid))) === start.join(' ');
}
