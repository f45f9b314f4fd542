import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describeSelf, isAlive } from './process-identity.ts';

const POLL_MS = 50;

/**
 * Creates the file `path` together with its content, in one step, so that no reader sees an incomplete file. Keeps a file that
 * exists.
 * @returns whether this call has created the file
 */
async function claim(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft);
  }
}

const ownerOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

async function isAbandoned(path: string): Promise<boolean> {
  const owner = await ownerOf(path);
  return owner !== '' && !(await isAlive(owner));
}

/**
 * Creates the lock file `path`, runs `work`, and removes the file. While the file exists, other calls with the same path wait,
 * in this process and in other processes. If the process that created the file has died, a waiting call takes over the lock.
 */
export async function withFileLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const self = await describeSelf();
  while (!(await claim(path, self))) {
    if (await isAbandoned(path)) {
      // Check again under a second lock, because two processes may have seen the same abandoned file. Without the second lock,
      // one process could remove the file that the other process has just created.
      await withFileLock(`${path}.takeover`, async () => {
        if (await isAbandoned(path)) await rm(path);
      });
    } else {
      await delay(POLL_MS);
    }
  }
  try {
    return await work();
  } finally {
    await rm(path);
  }
}
