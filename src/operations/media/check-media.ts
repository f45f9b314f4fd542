import type { Knex } from 'knex';
import { z } from 'zod';
import type { MediaFilePage, MediaStore } from '../../host.ts';
import { orAborted } from '../../rooms/or-aborted.ts';
import { allEnded, lockMediaFiles } from '../../storage/database.ts';
import {
  deleteThumbnail,
  FIRST_FILE_ROW,
  type FileRow,
  type FileRowKind,
  readFileRows,
  updateFileSize,
} from '../../storage/mediaapi/media-files.ts';
import {
  deleteMedia,
  fileNamed,
  findUsedFiles,
  insertRemovals,
  thumbnailNameOf,
} from '../../storage/plugin/media-removals.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireFileRemoval } from './deleted-media.ts';

/** Number of rows or files that a step checks. */
const STEP = 200;
/** Number of files whose sizes are read from the host's store at the same time. */
const LANES = 8;
/** Maximum number of problems that the result lists. */
const MAX_LISTED = 1_000;

/** A difference between the rows of media in the database and the files in the host's store. */
export interface MediaProblem {
  /**
   * `row_without_file`: the file of a row is missing. `file_without_row`: no row refers to the file. `size`: the size in the
   * row differs from the size of the file.
   */
  readonly problem: 'row_without_file' | 'file_without_row' | 'size';
  /** The URI of the media. Absent for a file without a row. */
  readonly uri?: string;
  /** The hash of the content, as in the row. For a file without a row, the hash that the host's store reports. */
  readonly hash: string;
  /** The thumbnail, such as `96x96-crop`. Absent if the file is the media itself. */
  readonly thumbnail?: string;
  /** The size in the row, in bytes. Absent for a file without a row. */
  readonly rowSize?: number;
  /** The size of the file, in bytes. Absent for a row without a file. */
  readonly fileSize?: number;
}

/** The result of a check. */
export interface MediaCheck {
  /** Number of checked rows of media and thumbnails. */
  readonly rows: number;
  /** Number of checked files. `null` if the host's store cannot list its files. The check then finds no files without rows. */
  readonly files: number | null;
  readonly rowsWithoutFiles: number;
  readonly filesWithoutRows: number;
  readonly differingSizes: number;
  /** Number of repaired problems. */
  readonly repaired: number;
  /** The first 1,000 problems. */
  readonly problems: readonly MediaProblem[];
}

/**
 * The checkpoint of the job. `phase` is what the job checks now, `after` is the last row or file that it has checked in this
 * phase, and `result` is the result so far.
 */
interface CheckProgress {
  readonly phase: FileRowKind | 'files' | 'end';
  readonly after: readonly string[];
  readonly result: MediaCheck;
}

const BEGIN: CheckProgress = {
  phase: 'media',
  after: FIRST_FILE_ROW,
  result: {
    rows: 0,
    files: null,
    rowsWithoutFiles: 0,
    filesWithoutRows: 0,
    differingSizes: 0,
    repaired: 0,
    problems: [],
  },
};

/**
 * Compares the rows of media and of thumbnails with the files in the host's store. With `repair`, removes rows without a file
 * and files without a row, and sets the size in a row to the size of the file.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export const checkMedia = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** Whether to repair the differences. @defaultValue false, which only reports them */
    repair: z.boolean().default(false),
    /** Whether to only report the differences, even if `repair` is set. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  isServed: ({ fileRemoval }) => fileRemoval !== undefined,
  begin: async (scope) => {
    requireFileRemoval(scope);
  },
  run: async (work: JobScope<CheckProgress>, { repair }): Promise<MediaCheck> => {
    const removal = requireFileRemoval(work);
    const settings = { work, store: removal.store, repairs: repair && !work.dryRun };
    let progress = work.checkpoint ?? BEGIN;
    while (progress.phase !== 'end') {
      work.signal.throwIfAborted();
      progress =
        progress.phase === 'files' ? await checkFiles(settings, progress) : await checkRows(settings, progress);
    }
    if (settings.repairs) await removal.run(work.signal);
    return progress.result;
  },
});

interface Settings {
  readonly work: JobScope<CheckProgress>;
  readonly store: MediaStore;
  readonly repairs: boolean;
}

const NEXT_PHASE = { media: 'thumbnails', thumbnails: 'files' } as const;

async function checkRows({ work, store, repairs }: Settings, progress: CheckProgress): Promise<CheckProgress> {
  const { after, result } = progress;
  const phase = progress.phase === 'thumbnails' ? 'thumbnails' : 'media';
  const [mediaId = '', origin = '', thumbnail = ''] = after;
  const rows = await readFileRows(work.reader(), phase, [mediaId, origin, thumbnail], STEP);
  const sizes = await sizesOf(store, rows, work.signal);
  const suspects = rows.filter((row, at) => sizes[at] !== row.size);
  return work.commit(async (transaction) => {
    const found = await judge(transaction, { work, store, repairs }, suspects);
    const last = rows.at(-1);
    const next: CheckProgress = {
      ...(last === undefined
        ? { phase: NEXT_PHASE[phase], after: phase === 'media' ? FIRST_FILE_ROW : [] }
        : { phase, after: [last.mediaId, last.origin, last.thumbnail] }),
      result: withProblems({ ...result, rows: result.rows + rows.length }, found, repairs),
    };
    return { checkpoint: next, phase, done: next.result.rows, value: next };
  });
}

/**
 * Returns the size of each row's file. The size is `undefined` if the file is missing, or if the row's hash or thumbnail cannot
 * be a file name.
 * @throws the signal's reason as soon as the signal is aborted, even if the store has not answered
 */
async function sizesOf(
  store: MediaStore,
  rows: readonly FileRow[],
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const sizes: (number | undefined)[] = [];
  const waiting = [...rows.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal.throwIfAborted();
      const [at, row] = next;
      const file = fileNamed(row.hash, row.thumbnail);
      sizes[at] = file && (await store.sizeOf(file));
    }
  };
  await orAborted(allEnded(Array.from({ length: LANES }, lane)), { signal });
  return rows.map((_, at) => sizes[at]);
}

/**
 * Checks again the rows whose size differed from the size of their file, because the homeserver may have stored some files in
 * the meantime. Locks the files first. Returns the remaining differences. If `repairs` is true, repairs them.
 */
async function judge(
  transaction: Knex.Transaction,
  { work, store, repairs }: Settings,
  rows: readonly FileRow[],
): Promise<MediaProblem[]> {
  if (rows.length === 0) return [];
  await lockMediaFiles(
    transaction,
    rows.map(({ hash }) => hash),
  );
  const sizes = await sizesOf(store, rows, work.signal);
  const found: MediaProblem[] = [];
  for (const [at, row] of rows.entries()) {
    const fileSize = sizes[at];
    if (fileSize === row.size) continue;
    found.push({
      problem: fileSize === undefined ? 'row_without_file' : 'size',
      uri: `mxc://${row.origin}/${row.mediaId}`,
      hash: row.hash,
      ...(row.thumbnail !== '' && { thumbnail: row.thumbnail }),
      rowSize: row.size,
      ...(fileSize !== undefined && { fileSize }),
    });
    if (!repairs) continue;
    if (fileSize !== undefined) await updateFileSize(transaction, row, fileSize);
    else if (row.thumbnail === '') await deleteMedia(transaction, [row]);
    else await deleteThumbnail(transaction, row);
  }
  return found;
}

/**
 * Finds files to which no row refers, in the next page of the store's list. If `repairs` is true, adds these files to the list
 * of files to remove.
 */
async function checkFiles({ work, store, repairs }: Settings, progress: CheckProgress): Promise<CheckProgress> {
  const { result } = progress;
  const [after] = progress.after;
  const page: MediaFilePage =
    store.list === undefined ? { files: [], next: undefined } : await orAborted(store.list(after, STEP), work);
  return work.commit(async (transaction) => {
    const used = await findUsedFiles(
      transaction,
      page.files.map(({ hash }) => hash),
    );
    const unused = page.files.filter((file) => !used.has([file.hash, ...thumbnailPart(file)].join('/')));
    if (repairs) await insertRemovals(transaction, unused);
    const found = unused.map(
      (file): MediaProblem => ({
        problem: 'file_without_row',
        hash: file.hash,
        ...(file.thumbnail && { thumbnail: thumbnailNameOf(file) }),
        fileSize: file.size,
      }),
    );
    const files = store.list === undefined ? null : (result.files ?? 0) + page.files.length;
    const next: CheckProgress = {
      ...(page.next === undefined ? { phase: 'end', after: [] } : { phase: 'files', after: [page.next] }),
      result: withProblems({ ...result, files }, found, repairs),
    };
    return { checkpoint: next, phase: 'files', done: next.result.rows + (files ?? 0), value: next };
  });
}

const thumbnailPart = (file: MediaFilePage['files'][number]): string[] =>
  file.thumbnail === undefined ? [] : [thumbnailNameOf(file)];

function withProblems(result: MediaCheck, found: readonly MediaProblem[], repairs: boolean): MediaCheck {
  const count = (kind: MediaProblem['problem']): number => found.filter(({ problem }) => problem === kind).length;
  return {
    ...result,
    rowsWithoutFiles: result.rowsWithoutFiles + count('row_without_file'),
    filesWithoutRows: result.filesWithoutRows + count('file_without_row'),
    differingSizes: result.differingSizes + count('size'),
    repaired: result.repaired + (repairs ? found.length : 0),
    problems: [...result.problems, ...found].slice(0, MAX_LISTED),
  };
}
