import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of Linux's file system in memory. */
const MEMORY = '/dev/shm';
/**
 * Space that the file system in memory must have, in bytes. It is three times the space that a run of all tests needs. In
 * containers, it often has only 64 MiB.
 */
const ROOM_BYTES = 1024 ** 3;

async function hasRoom(): Promise<boolean> {
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= ROOM_BYTES;
}

/**
 * Creates a directory for temporary files. It is in memory if there is enough space. A disk takes ten times as long to create
 * the hundreds of files of a database.
 */
export async function makeScratchDirectory(prefix: string): Promise<string> {
  return mkdtemp(join((await hasRoom()) ? MEMORY : tmpdir(), prefix));
}
