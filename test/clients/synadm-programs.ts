import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { createPythonEnvironment } from '../support/python-environment.ts';

const run = promisify(execFile);
/** Path of the program that Debian's package `synadm` installs. */
const DEBIAN_PATH = '/usr/bin/synadm';
const PYPI_PACKAGE = 'synadm==0.49.2';

/** A synadm that is installed. */
export interface SynadmProgram {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Returns Debian's synadm. If it is not installed, installs it with `apt-get`, if that is allowed.
 * @throws Error that says what is missing
 */
export async function debianSynadm(): Promise<SynadmProgram> {
  if (!(await exists(DEBIAN_PATH))) {
    if (userInfo().uid !== 0)
      throw new Error('This test needs synadm: ask an administrator to `apt-get install synadm`');
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'synadm']).catch((error: Error) => {
      throw new Error(`This test needs Debian with its package synadm: ${error.message}`, { cause: error });
    });
  }
  return { path: DEBIAN_PATH, remove: async () => {} };
}

/**
 * Installs a newer synadm from the Python package index.
 * @throws Error that says what is missing
 */
export async function pypiSynadm(): Promise<SynadmProgram> {
  const { program, remove } = await createPythonEnvironment([PYPI_PACKAGE]);
  return { path: program('synadm'), remove };
}
