import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const orUndefined = <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);

/** Reads a column of `ps`, for systems without `/proc`. Returns `undefined` if there is no such process, or if `ps` fails. */
async function ps(pid: number, column: string): Promise<string | undefined> {
  const result = await orUndefined(run('ps', ['-o', `${column}=`, '-p', String(pid)]));
  return result?.stdout.trim() || undefined;
}

/**
 * Returns the start time of a process from `/proc/<pid>/stat`. Returns `undefined` if the process does not exist or is dead
 * (states Z and X). Skips the process name in this file, because the name may contain spaces and parentheses.
 */
async function linuxStart(pid: number): Promise<string | undefined> {
  const stat = await orUndefined(readFile(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isDead = fields === undefined || fields[0] === 'Z' || fields[0] === 'X';
  return isDead ? undefined : fields[19];
}

/**
 * Returns the start time of a process, in a format that depends on the system. The start time distinguishes the process from a
 * later process with the same pid. Returns `undefined` if there is no such process or, on Linux, if the process is a zombie.
 */
export function processStart(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? linuxStart(pid) : ps(pid, 'lstart');
}

/**
 * Returns the program and the arguments of a process, or an empty list if there is no such process. On Linux, the list ends
 * with an empty text. On other systems, an argument that contains a space becomes several arguments.
 */
export async function processArguments(pid: number): Promise<readonly string[]> {
  if (process.platform !== 'linux') return (await ps(pid, 'command'))?.split(' ') ?? [];
  return (await orUndefined(readFile(`/proc/${pid}/cmdline`, 'utf8')))?.split('\0') ?? [];
}

/**
 * Returns a text that identifies this process. The process writes this text into its files. Another process passes it to
 * `isAlive()`.
 */
export async function describeSelf(): Promise<string> {
  return `${process.pid} ${await processStart(process.pid)}`;
}

/** Tells whether the process that made `description` with `describeSelf()` is still running. */
export async function isAlive(description: string): Promise<boolean> {
  const [pid, ...start] = description.split(' ');
  return (await processStart(Number(pid))) === start.join(' ');
}
