import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const DRIVER = fileURLToPath(new URL('pseudo-terminal.py', import.meta.url));
/** The compiled program, as in the npm package. */
export const PROGRAM = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

/** A step of a dialogue: waits until the output matches a regular expression of Python, and then does something. */
export interface Step {
  readonly expect: string;
  readonly send?: string;
  readonly resize?: readonly [rows: number, columns: number];
  /** Reads the command line and the environment of the program from `/proc`. */
  readonly inspect?: true;
}

export interface TerminalRun {
  /** Everything that the terminal received. */
  readonly output: string;
  readonly code: number;
  /** The regular expression that the output never matched. `null` if all matched. */
  readonly failed: string | null;
  readonly inspected: string | null;
}

/** Runs `matrix-admin` on a pseudo-terminal of 80 columns. */
export async function runOnTerminal(
  args: readonly string[],
  steps: readonly Step[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly directory: string },
): Promise<TerminalRun> {
  const { PATH = '' } = process.env;
  const task = {
    argv: [process.execPath, PROGRAM, ...args],
    env: { PATH, HOME: options.directory, TERM: 'xterm', ...options.environment },
    cwd: options.directory,
    steps,
  };
  const driver = spawn('python3', [DRIVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  driver.stdin.end(JSON.stringify(task));
  return JSON.parse(await text(driver.stdout)) as TerminalRun;
}
