import type { Knex } from 'knex';
import { errorFields, toError } from '../errors.ts';
import type { Logger, MediaFile, MediaStore } from '../host.ts';
import { type Repetition, repeat } from '../jobs/repeat.ts';
import { lockMediaFiles } from '../storage/database.ts';
import {
  deleteRemovals,
  findUsedFiles,
  listDueHashes,
  lockRemovals,
  postponeRemovals,
} from '../storage/plugin/media-removals.ts';
import { retryConflicts, transact } from '../storage/transact.ts';

/** Number of hashes in one transaction. Each transaction reads all rows of media once, because Dendrite has no index on them. */
const BATCH = 200;
const INTERVAL_MS = 60_000;

/** Removes the files whose removal is noted in the database. */
export interface FileRemoval {
  readonly store: MediaStore;
  /**
   * Removes all files that are due, unless a row names them again. A file whose removal fails is tried again later.
   * @throws the first error of the store, after the other files have been removed
   */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Removes files now and then every minute: those of a process that has died, and those whose removal has failed. */
  readonly start: () => void;
  /** Returns when no removal of `start()` runs any more. */
  readonly stop: () => Promise<void>;
}

interface RemovalParts {
  readonly db: Knex;
  readonly store: MediaStore;
  readonly logger: Logger;
}

export function createFileRemoval({ db, store, logger }: RemovalParts): FileRemoval {
  /**
   * Removes files of some hashes. The lock of a hash keeps the homeserver from storing the file meanwhile. The lock of a note
   * makes a deletion wait that wants to note the same file: its note is then written after this transaction has decided.
   */
  const remove = (hashes: readonly string[]): Promise<void> =>
    retryConflicts(() =>
      transact(db, async (transaction) => {
        await lockMediaFiles(transaction, hashes);
        const noted = await lockRemovals(transaction, hashes);
        const used = await findUsedFiles(transaction, hashes);
        const gone = noted.filter((file) => !used.has(nameOf(file)));
        if (gone.length > 0) await store.remove(gone);
        await deleteRemovals(transaction, noted);
      }),
    );
  /** Removes files of each hash by itself, after the removal of all of them has failed. @returns the first error */
  const removeEach = async (hashes: readonly string[], signal: AbortSignal): Promise<unknown> => {
    let first: unknown;
    for (const hash of hashes) {
      signal.throwIfAborted();
      try {
        await remove([hash]);
      } catch (error) {
        first ??= error;
        await postponeRemovals(db, hash);
      }
    }
    return first;
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    let first: unknown;
    for (;;) {
      signal.throwIfAborted();
      const hashes = await listDueHashes(db, BATCH);
      if (hashes.length === 0) break;
      try {
        await remove(hashes);
      } catch (error) {
        logger.warn({ ...errorFields(error), hashes: hashes.length }, 'Could not remove files of media');
        const failure = await removeEach(hashes, signal);
        first ??= failure;
      }
    }
    if (first !== undefined) throw toError(first);
  };
  const stopping = new AbortController();
  const runQuietly = async (): Promise<void> => {
    try {
      await run(stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) logger.warn(errorFields(error), 'Files of media are removed later');
    }
  };
  let first: Promise<void> | undefined;
  let repetition: Repetition | undefined;
  return {
    store,
    run,
    start: () => {
      first = runQuietly();
      repetition = repeat(runQuietly, INTERVAL_MS);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([first, repetition?.stop()]);
    },
  };
}

/** The name of a file in `findUsedFiles()`. */
const nameOf = ({ hash, thumbnail }: MediaFile): string =>
  thumbnail === undefined ? hash : `${hash}/${thumbnail.width}x${thumbnail.height}-${thumbnail.method}`;
