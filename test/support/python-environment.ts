import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeScratchDirectory } from './scratch-directory.ts';

const run = promisify(execFile);

/** Python packages that were installed into a separate directory. */
export interface PythonEnvironment {
  /** Returns the path of `python`, or of a program that a package contains. */
  readonly program: (name: string) => string;
  readonly remove: () => Promise<void>;
}

/**
 * Installs packages, such as `signedjson==1.1.4`, into a new directory. `remove()` deletes the directory.
 * @throws Error that says what is missing
 */
export async function createPythonEnvironment(packages: readonly string[]): Promise<PythonEnvironment> {
  const directory = await makeScratchDirectory('koa-matrix-admin-python-');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const program = (name: string): string => join(directory, 'bin', name);
  const needs = async (what: string, command: string, args: readonly string[]): Promise<void> => {
    await run(command, args).catch(async (error: Error & { stderr?: string }) => {
      await remove();
      throw new Error(`This test needs ${what}: ${error.stderr || error.message}`, { cause: error });
    });
  };
  await needs('Python 3 with venv', 'python3', ['-m', 'venv', directory]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
  await needs(`${packages.join(' and ')} from the Python package index`, program('python'), pip);
  return { program, remove };
}
