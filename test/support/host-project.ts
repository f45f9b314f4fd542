import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeScratchDirectory } from './scratch-directory.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  strict: true,
  declaration: true,
  skipLibCheck: true,
  types: ['node'],
  noEmitOnError: true,
};

/** Creates an empty project of a host. Its packages are those of the repository. */
export async function createHostProject(): Promise<string> {
  const folder = await makeScratchDirectory('koa-matrix-admin-host-');
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'koa-matrix-admin'), { recursive: true });
  const packages = (await readdir(join(ROOT, 'node_modules'))).filter((name) => !name.startsWith('.'));
  for (const name of packages) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  return folder;
}

/** Adds the package's type declarations to a project, without its code. */
export async function addDeclarations(folder: string): Promise<void> {
  const home = join(folder, 'node_modules/koa-matrix-admin');
  await cp(join(ROOT, 'package.json'), join(home, 'package.json'));
  await cp(join(ROOT, 'dist'), join(home, 'lib'), {
    recursive: true,
    filter: (path) => !/\.\w+$/.test(path) || path.endsWith('.d.ts'),
  });
}

/** Writes a `tsconfig.json` that makes the compiler compile these files of a project. */
export async function writeProject(folder: string, files: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }));
}

/** Compiles files of a project, and writes their declarations. @returns the compiler's errors, one line for each */
export async function compile(folder: string, files: readonly string[]): Promise<string[]> {
  await writeProject(folder, files);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder });
    return [];
  } catch (error) {
    const { stdout } = error as { readonly stdout: string };
    return stdout.trim().split('\n');
  }
}
