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

/**
 * Number of hashes whose files one transaction removes. The hash of a media's content names the file. Each transaction reads
 * all rows of media once, because Dendrite has no index on the hash.
 */
const BATCH = 200;
const INTERVAL_MS = 60_000;

/**
 * Removes files of media from the host's store, after the rows of the media have been deleted. The table
 * `matrix_admin.media_removals` lists the files to remove.
 * @internal
 */
export interface FileRemoval {
  readonly store: MediaStore;
  /**
   * Removes all files on the list that are due now. If a row of the media tables uses a file again, keeps the file and takes it
   * off the list. If the removal of a file fails, a later run tries again.
   * @throws the first error of the store or the database, after the other files have been removed; the signal's reason if the
   * signal is aborted
   */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /**
   * Starts a first run at once, and a further run every minute. The runs also remove files that another process was about to
   * remove when it died, and files whose removal has failed.
   */
  readonly start: () => void;
  /** Stops the runs. Resolves when the current run has ended. */
  readonly stop: () => Promise<void>;
}

interface RemovalParts {
  readonly db: Knex;
  readonly store: MediaStore;
  readonly logger: Logger;
}

export function createFileRemoval({ db, store, logger }: RemovalParts): FileRemoval {
  /**
   * Removes those files of the given hashes that `media_removals` lists and that no row of the media tables uses. Deletes the
   * rows of all these hashes from `media_removals`. The transaction locks each hash, so that the homeserver cannot store the
   * file again while the transaction is open. The transaction also locks the rows of the files in `media_removals`. If a
   * deletion of media wants to add one of these files to the table, the deletion waits until the transaction has ended.
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
  /**
   * Removes the files of each hash in a separate transaction. If the removal fails, postpones it. Called when one transaction
   * for all hashes has failed.
   * @returns the first error; `undefined` if there was none
   */
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
      if (!stopping.signal.aborted) logger.warn(errorFields(error), 'Files of media will be removed later');
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

/** The name that a file has in the result of `findUsedFiles()`. */
const nameOf = ({ hash, thumbnail }: MediaFile): string =>
  thumbnail === undefined ? hash : `${hash}/${thumbnail.width}x${thumbnail.height}-${thumbnail.method}`;
