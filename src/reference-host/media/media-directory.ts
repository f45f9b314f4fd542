import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MatrixError, type MediaFile, type MediaFilePage, type MediaStore } from '../../index.ts';

/**
 * The next two patterns are those of hashes and of the names of thumbnail files. They allow no dots and no slashes, so a path
 * always stays inside the directory.
 */
const HASH = /^[A-Za-z0-9_-]{3,255}$/;
const THUMBNAIL = /^thumbnail-(\d+)x(\d+)-(crop|scale)$/;

/** A folder of media files, with the same layout as in Dendrite. */
export interface MediaDirectory extends Required<MediaStore> {
  /**
   * Returns the path of a file: `<base>/<first character of the hash>/<second character>/<rest of the hash>/file`. If the file
   * is a thumbnail, the last part is not `file` but, for example, `thumbnail-96x96-crop`.
   * @throws MatrixError `M_INVALID_PARAM` if the hash or the thumbnail does not match its pattern
   */
  readonly pathOf: (file: MediaFile) => string;
  /**
   * Path of a folder for incomplete files. The folder is on the same file system as the complete files, so a complete file can
   * be moved to its place in one step.
   */
  readonly temporary: string;
}

/** Creates the store of media files. @param base the path of the folder. The first upload creates a missing folder. */
export function createMediaDirectory(base: string): MediaDirectory {
  const folderOf = (hash: string): string => {
    if (!HASH.test(hash)) throw new MatrixError('M_INVALID_PARAM', 'not the hash of a media file');
    return join(base, hash.slice(0, 1), hash.slice(1, 2), hash.slice(2));
  };
  const pathOf = ({ hash, thumbnail }: MediaFile): string => join(folderOf(hash), nameOf(thumbnail));
  return {
    pathOf,
    temporary: join(base, 'tmp'),
    remove: async (files) => {
      for (const file of files) {
        if (file.thumbnail === undefined) await rm(folderOf(file.hash), { recursive: true, force: true });
        else await rm(pathOf(file), { force: true });
      }
    },
    sizeOf: async (file) => (await ifThere(() => stat(pathOf(file))))?.size,
    list: (after, limit) => listFiles(base, after, limit),
  };
}

function nameOf(thumbnail: MediaFile['thumbnail']): string {
  if (thumbnail === undefined) return 'file';
  const name = `thumbnail-${thumbnail.width}x${thumbnail.height}-${thumbnail.method}`;
  if (!THUMBNAIL.test(name)) throw new MatrixError('M_INVALID_PARAM', 'not a thumbnail');
  return name;
}

/**
 * Lists a page of the files, in the order of their hashes. The page ends when it has at least `limit` files, and has all files
 * of its last hash.
 * @param after the last hash of the page before
 * @returns the files, and `next`: the last hash of the page, or `undefined` if no hash follows
 */
async function listFiles(base: string, after: string | undefined, limit: number): Promise<MediaFilePage> {
  const files: MediaFilePage['files'][number][] = [];
  for await (const hash of hashesIn(base, after ?? '')) {
    if (files.length >= limit) return { files, next: files.at(-1)?.hash };
    const folder = join(base, hash.slice(0, 1), hash.slice(1, 2), hash.slice(2));
    for (const name of await entriesOf(folder)) {
      const size = (await ifThere(() => stat(join(folder, name))))?.size;
      const file = fileOf(hash, name);
      if (size !== undefined && file !== undefined) files.push({ ...file, size });
    }
  }
  return { files, next: undefined };
}

/**
 * Yields the hashes that come after the hash `after`, in ascending order. On the first two levels, ignores folders whose name
 * is longer than one character, such as `tmp`.
 */
async function* hashesIn(base: string, after: string): AsyncGenerator<string> {
  for (const first of await entriesOf(base)) {
    if (first.length !== 1 || first < after.slice(0, 1)) continue;
    for (const second of await entriesOf(join(base, first))) {
      if (second.length !== 1 || first + second < after.slice(0, 2)) continue;
      for (const rest of await entriesOf(join(base, first, second))) {
        const hash = first + second + rest;
        if (hash > after && HASH.test(hash)) yield hash;
      }
    }
  }
}

function fileOf(hash: string, name: string): MediaFile | undefined {
  if (name === 'file') return { hash };
  const [, width, height, method] = THUMBNAIL.exec(name) ?? [];
  if (method !== 'crop' && method !== 'scale') return undefined;
  return { hash, thumbnail: { width: Number(width), height: Number(height), method } };
}

/** Returns the sorted names in a folder. The list is empty if the folder is missing. */
async function entriesOf(folder: string): Promise<string[]> {
  return ((await ifThere(() => readdir(folder))) ?? []).sort((a, b) => (a < b ? -1 : 1));
}

/** Calls a function that reads from the file system. @returns `undefined` if there is no such file or folder */
async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}
