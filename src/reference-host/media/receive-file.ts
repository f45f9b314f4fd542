import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { MatrixError } from '../../index.ts';
import type { MediaDirectory } from './media-directory.ts';

/** A completely uploaded file, which still has a temporary name. */
export interface ReceivedFile {
  /** SHA-256 of the file's content, in unpadded url-safe base64. */
  readonly hash: string;
  /** The size of the file, in bytes. */
  readonly size: number;
  /** Moves the file to its place in the store, unless the store already has a file with the same content. */
  readonly keep: () => Promise<void>;
  /** Removes the temporary file, unless `keep()` has moved it. */
  readonly discard: () => Promise<void>;
}

/**
 * Writes a request body to a temporary file.
 * @param maxBytes maximum size in bytes
 * @throws MatrixError `M_TOO_LARGE` if the body has more than `maxBytes`
 */
export async function receiveFile(directory: MediaDirectory, body: Readable, maxBytes: number): Promise<ReceivedFile> {
  await mkdir(directory.temporary, { recursive: true });
  const temporary = join(directory.temporary, randomUUID());
  const discard = (): Promise<void> => rm(temporary, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  const file = await open(temporary, 'wx');
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new MatrixError('M_TOO_LARGE', `The file has more than ${maxBytes} bytes`);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } catch (error) {
    await discard();
    throw error;
  } finally {
    await file.close();
  }
  const digest = hash.digest('base64url');
  return {
    hash: digest,
    size,
    keep: async () => {
      if ((await directory.sizeOf({ hash: digest })) !== undefined) return discard();
      const path = directory.pathOf({ hash: digest });
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
    },
    discard,
  };
}
