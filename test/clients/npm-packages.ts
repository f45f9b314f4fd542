import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Json } from '../reference-host/fixture-homeserver.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

/** npm packages that were installed into a separate directory. They are not dependencies of this package. */
export interface NpmPackages {
  /** Returns the exports of a package, as `require()` does. */
  readonly load: (name: string) => Json;
  readonly directory: string;
  readonly remove: () => Promise<void>;
}

/**
 * Installs packages, such as `matrix-js-sdk@43.0.0`, into a new directory, without running their install scripts. `remove()`
 * deletes the directory.
 * @throws Error that says what is missing
 */
export async function installNpmPackages(packages: readonly string[]): Promise<NpmPackages> {
  const directory = await makeScratchDirectory('koa-matrix-admin-npm-');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const manifest = join(directory, 'package.json');
  await writeFile(manifest, '{"private":true}');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: directory }).catch(
    async (error: Error & { stderr?: string }) => {
      await remove();
      throw new Error(`This test needs ${packages.join(' and ')} from npm: ${error.stderr || error.message}`, {
        cause: error,
      });
    },
  );
  return { load: createRequire(manifest), directory, remove };
}
