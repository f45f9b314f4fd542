import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The folder outside the repository that keeps the server between runs of the tests. */
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'koa-matrix-admin', 'opensearch');
/** The folder with the code of the server. */
export const LIBRARY = join(CACHE, 'lib');

async function isThere(program: string, option: string): Promise<boolean> {
  return run(program, [option]).then(
    () => true,
    () => false,
  );
}

/** Downloads the server from Maven Central, unless an earlier run has downloaded it. Says what is missing on this machine. */
export async function setup(): Promise<void> {
  const isCached = existsSync(LIBRARY);
  const missing = [];
  if (!(await isThere('java', '-version'))) missing.push('Java 17 (the program "java")');
  if (!(isCached || (await isThere('mvn', '-version')))) missing.push('Maven (the program "mvn")');
  if (missing.length > 0) throw new Error(`The tests of OpenSearch need ${missing.join(' and ')}.`);
  if (isCached) return;
  process.stdout.write(`Downloading OpenSearch to ${LIBRARY}. This takes some minutes.\n`);
  const unfinished = `${LIBRARY}-${process.pid}`;
  await mkdir(CACHE, { recursive: true });
  await cp(join(import.meta.dirname, 'pom.xml'), join(CACHE, 'pom.xml'));
  try {
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`], { cwd: CACHE });
    await rename(unfinished, LIBRARY);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
