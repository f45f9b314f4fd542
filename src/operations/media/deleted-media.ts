import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import { type MediaKey, mediaNamedIn, mediaUri } from '../../matrix/media-uris.ts';
import type { FileRemoval } from '../../media/file-removal.ts';
import type { Db } from '../../storage/database.ts';
import { AVATARS, EVERYWHERE, type NamingFilter, readNamings } from '../../storage/media-names.ts';
import { type DeletedMedia, deleteMedia } from '../../storage/plugin/media-removals.ts';
import type { JobScope, OperationServices } from '../define-operation.ts';

/** Number of media that a step deletes. */
const STEP = 200;
/**
 * Number of media for which one search looks for references. Each search reads all events, profiles and account data that can
 * refer to media.
 */
const WALK = 20_000;
/** Maximum number of ids that a result lists. */
const MAX_LISTED = 10_000;

/** The result of a deletion of media. */
export interface DeletedMediaIds {
  /** Ids of deleted media, at most 10,000. */
  readonly deletedMedia: readonly string[];
  readonly total: number;
  /** Sum of the sizes of the deleted media, in bytes. */
  readonly totalLength: number;
}

/** How many media a deletion has deleted so far. `totalLength` is the sum of their sizes, in bytes. */
export interface DeletionCounts {
  readonly total: number;
  readonly totalLength: number;
}

export const NOTHING_DELETED: DeletionCounts = { total: 0, totalLength: 0 };

/**
 * Returns the service that removes media files from the host's store.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export function requireFileRemoval({ fileRemoval }: Pick<OperationServices, 'fileRemoval'>): FileRemoval {
  if (fileRemoval !== undefined) return fileRemoval;
  throw new MatrixError(
    'M_BAD_STATE',
    'The homeserver provides no store of media files (host.media), so no media can be removed',
  );
}

type Work = Pick<JobScope, 'reader' | 'signal' | 'dryRun' | 'fileRemoval'>;
type Step = (batch: readonly MediaKey[]) => Promise<void>;

/**
 * Calls `step`, which deletes the rows of media, for batches of at most `STEP` media. Then removes the files to which no row
 * refers any more, except in a dry run.
 */
async function deleteInSteps(work: Work, keys: AsyncIterable<readonly MediaKey[]>, step: Step): Promise<void> {
  for await (const page of keys) {
    for (let first = 0; first < page.length; first += STEP) {
      work.signal.throwIfAborted();
      await step(page.slice(first, first + STEP));
    }
  }
  if (!work.dryRun) await requireFileRemoval(work).run(work.signal);
}

/** Adds the media that a step has deleted to the counts. */
const countMore = (before: DeletionCounts, deleted: readonly DeletedMedia[]): DeletionCounts => ({
  total: before.total + deleted.length,
  totalLength: before.totalLength + deleted.reduce((sum, { size }) => sum + size, 0),
});

/**
 * Deletes media as one part of a job that also does other work. Returns the new counts.
 * @param before what earlier attempts of the job have deleted
 * @param commit runs `change` in a step of the job, stores the counts that `change` returns in the job's checkpoint, and
 * returns the counts
 */
export async function deleteAsPart(
  work: Work,
  keys: AsyncIterable<readonly MediaKey[]>,
  before: DeletionCounts,
  commit: (change: (transaction: Knex.Transaction) => Promise<DeletionCounts>) => Promise<DeletionCounts>,
): Promise<DeletionCounts> {
  let counts = before;
  await deleteInSteps(work, keys, async (batch) => {
    counts = await commit(async (transaction) => countMore(counts, await deleteMedia(transaction, batch)));
  });
  return counts;
}

/**
 * Deletes media as the whole work of a job. The job's checkpoint contains the counts. The ids of the deleted media are in a
 * list that the database stores for the job: the job's items.
 */
export async function deleteAsJob(
  work: JobScope<DeletionCounts>,
  keys: AsyncIterable<readonly MediaKey[]>,
): Promise<DeletedMediaIds> {
  let counts = work.checkpoint ?? NOTHING_DELETED;
  await deleteInSteps(work, keys, (batch) =>
    work.commit(async (transaction) => {
      const deleted = await deleteMedia(transaction, batch);
      const items = deleted.map(({ mediaId }, n) => ({ item: mediaId, ordinal: counts.total + n }));
      await work.items.add(transaction, items);
      counts = countMore(counts, deleted);
      return { checkpoint: counts, phase: 'delete', done: counts.total, value: undefined };
    }),
  );
  return { deletedMedia: await work.items.list(work.reader(), MAX_LISTED), ...counts };
}

/** Which media a deletion does not delete, because something on the homeserver refers to these media. */
export interface Keeping {
  /** `named`: keeps media to which anything refers. `avatars`: keeps avatars of users and rooms. `nothing`: keeps no media. */
  readonly keep: 'named' | 'avatars' | 'nothing';
  /** Which references do not count. */
  readonly except?: Omit<NamingFilter, 'needle'>;
}

/**
 * Yields the given media, in batches, without the media that `keep` says must stay. References that `except` describes do not
 * count.
 */
export async function* withoutKept(
  { reader, signal }: { readonly reader: () => Db; readonly signal: AbortSignal },
  keys: readonly MediaKey[],
  { keep, except = {} }: Keeping,
): AsyncGenerator<readonly MediaKey[], void, undefined> {
  for (let first = 0; first < keys.length; first += WALK) {
    const left = new Map(keys.slice(first, first + WALK).map((key) => [mediaUri(key), key]));
    if (keep !== 'nothing') {
      const sources = keep === 'avatars' ? AVATARS : EVERYWHERE;
      for await (const namings of readNamings(reader, sources, { ...except, needle: 'mxc:' }, signal)) {
        for (const { text } of namings) for (const uri of mediaNamedIn(text)) left.delete(uri);
        if (left.size === 0) break;
      }
    }
    yield [...left.values()];
  }
}
