import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
/** Three times what a run of all tests needs. Containers often have no more than 64 MiB there. */
const ROOM_BYTES = 1024 ** 3;

async function hasRoom(): Promise<boolean> {
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= ROOM_BYTES;
}

/**
 * Makes a directory for what is thrown away after the test. In memory where there is room: a disk takes ten times as
 * long to make the hundreds of files of a database.
 */
export async function makeScratchDirectory(prefix: string): Promise<string> {
  return mkdtemp(join((await hasRoom()) ? MEMORY : tmpdir(), prefix));
}
