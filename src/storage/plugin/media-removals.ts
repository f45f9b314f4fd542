import type { Knex } from 'knex';
import type { MediaFile } from '../../host.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { type Db, rowsOf } from '../database.ts';
import { mediaKeyBindings } from '../mediaapi/media-keys.ts';

/** SQL for the time until the next attempt after the removal of a file has failed. */
const POSTPONED = `interval '1 minute'`;

/**
 * Matches hashes that can be the name of a file. If the row of a media has another hash, such as one with slashes and dots, the
 * plugin removes no file for this row.
 */
const IS_HASH = /^[A-Za-z0-9_-]{3,255}$/;
/** The same condition as `IS_HASH` in SQL. */
const HASH_SQL = `~ '^[A-Za-z0-9_-]{3,255}$'`;
/** Matches the name of a thumbnail, such as `96x96-crop`. */
const THUMBNAIL = /^(\d{1,9})x(\d{1,9})-(crop|scale)$/;
/** SQL for the name of the thumbnail in row `t`. */
const THUMBNAIL_SQL = `t.width || 'x' || t.height || '-' || t.resize_method`;
/** The same condition as `THUMBNAIL` in SQL. */
const THUMBNAIL_NAME_SQL = `~ '^[0-9]{1,9}x[0-9]{1,9}-(crop|scale)$'`;

/**
 * Returns SQL that adds files to the table of files to remove. The files are due at once, even if the table already had them
 * with a later time. The plugin removes a file that is due, unless the row of a media still refers to it. The SQL leaves out
 * files whose hash or thumbnail name cannot be part of a file name.
 * @param files a query for the columns `base64hash` and `thumbnail` of the files
 */
const NOTE = (files: string): string => `INSERT INTO matrix_admin.media_removals (base64hash, thumbnail)
  SELECT base64hash, thumbnail FROM (${files}) AS files
  WHERE base64hash ${HASH_SQL} AND (thumbnail = '' OR thumbnail ${THUMBNAIL_NAME_SQL}) ORDER BY base64hash, thumbnail
  ON CONFLICT (base64hash, thumbnail) DO UPDATE SET due_at = excluded.due_at`;

/**
 * Returns the file of a media, or the file of one of the media's thumbnails.
 * @param thumbnail the name of the thumbnail. @defaultValue the file of the media itself
 * @returns `undefined` if the hash or the name of the thumbnail cannot be part of a file name
 */
export function fileNamed(hash: string, thumbnail = ''): MediaFile | undefined {
  if (!IS_HASH.test(hash)) return undefined;
  if (thumbnail === '') return { hash };
  const [, width, height, method] = THUMBNAIL.exec(thumbnail) ?? [];
  if (method !== 'crop' && method !== 'scale') return undefined;
  return { hash, thumbnail: { width: Number(width), height: Number(height), method } };
}

/** A media whose row was deleted. */
export interface DeletedMedia extends MediaKey {
  /** Size of the media without its thumbnails, in bytes. */
  readonly size: number;
}

/**
 * Deletes the rows of media and of their thumbnails. The same statement adds the files of these rows to the table of files to
 * remove, although other rows may still refer to them. If another transaction is removing one of these files, the statement
 * waits for that transaction.
 * @returns those of the given media that had a row
 */
export async function deleteMedia(transaction: Knex.Transaction, keys: readonly MediaKey[]): Promise<DeletedMedia[]> {
  const rows = await rowsOf<{ media_origin: MediaKey['origin']; media_id: string; file_size_bytes: string }>(
    transaction.raw(
      `WITH given AS (SELECT * FROM unnest(CAST(:origins AS text[]), CAST(:mediaIds AS text[])) AS g (media_origin, media_id)),
       media AS (
         DELETE FROM public.mediaapi_media_repository m USING given g
         WHERE m.media_id = g.media_id AND m.media_origin = g.media_origin
         RETURNING m.media_origin, m.media_id, m.base64hash, m.file_size_bytes),
       thumbnails AS (
         DELETE FROM public.mediaapi_thumbnail t USING given g
         WHERE t.media_id = g.media_id AND t.media_origin = g.media_origin
         RETURNING t.media_origin, t.media_id, ${THUMBNAIL_SQL} AS thumbnail),
       noted AS (${NOTE(`SELECT base64hash, '' AS thumbnail FROM media
         UNION SELECT base64hash, thumbnail FROM thumbnails JOIN media USING (media_origin, media_id)`)})
       SELECT media_origin, media_id, file_size_bytes FROM media ORDER BY media_id, media_origin`,
      mediaKeyBindings(keys),
    ),
  );
  return rows.map(({ media_origin: origin, media_id: mediaId, file_size_bytes: size }) => ({
    origin,
    mediaId,
    size: Number(size),
  }));
}

/**
 * Adds files to the table of files to remove. The plugin later removes such a file, unless a media's row refers to the file.
 */
export async function insertRemovals(transaction: Knex.Transaction, files: readonly MediaFile[]): Promise<void> {
  await transaction.raw(
    NOTE(
      'SELECT DISTINCT * FROM unnest(CAST(:hashes AS text[]), CAST(:thumbnails AS text[])) AS f (base64hash, thumbnail)',
    ),
    fileBindings(files),
  );
}

const fileBindings = (files: readonly MediaFile[]): Record<string, Knex.Value> => ({
  hashes: files.map(({ hash }) => hash),
  thumbnails: files.map(thumbnailNameOf),
});

/** Returns the name of a thumbnail, such as `96x96-crop`. The name is empty for the file of the media itself. */
export const thumbnailNameOf = ({ thumbnail }: MediaFile): string =>
  thumbnail === undefined ? '' : `${thumbnail.width}x${thumbnail.height}-${thumbnail.method}`;

/**
 * Lists at most `limit` hashes of files that are due for removal. The hash of the file that has been due for the longest time
 * comes first.
 */
export async function listDueHashes(db: Db, limit: number): Promise<string[]> {
  const rows = await rowsOf<{ base64hash: string }>(
    db.raw(
      `SELECT base64hash FROM matrix_admin.media_removals WHERE due_at <= clock_timestamp()
       GROUP BY base64hash ORDER BY min(due_at), base64hash LIMIT ?`,
      [limit],
    ),
  );
  return rows.map(({ base64hash: hash }) => hash);
}

/**
 * Locks those rows of the table of files to remove that have one of the hashes. Returns the files of these rows, except rows
 * for which `fileNamed()` returns `undefined`.
 */
export async function lockRemovals(transaction: Knex.Transaction, hashes: readonly string[]): Promise<MediaFile[]> {
  const rows = await rowsOf<{ base64hash: string; thumbnail: string }>(
    transaction.raw(
      `SELECT base64hash, thumbnail FROM matrix_admin.media_removals WHERE base64hash = ANY(?)
       ORDER BY base64hash, thumbnail FOR UPDATE`,
      [[...hashes]],
    ),
  );
  return rows.flatMap(({ base64hash, thumbnail }) => fileNamed(base64hash, thumbnail) ?? []);
}

/** Deletes rows from the table of files to remove. The transaction must have locked these rows with `lockRemovals()`. */
export async function deleteRemovals(transaction: Knex.Transaction, files: readonly MediaFile[]): Promise<void> {
  await transaction.raw(
    `DELETE FROM matrix_admin.media_removals
     WHERE (base64hash, thumbnail) IN (SELECT * FROM unnest(CAST(:hashes AS text[]), CAST(:thumbnails AS text[])))`,
    fileBindings(files),
  );
}

/** Postpones the removal of the files with a hash until a minute from now. */
export async function postponeRemovals(db: Db, hash: string): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.media_removals SET due_at = clock_timestamp() + ${POSTPONED} WHERE base64hash = ?`,
    [hash],
  );
}

/**
 * Finds the files that have one of these hashes, and that the row of a media or of a thumbnail still needs.
 * @returns names of files: `<hash>` for the file of a media, and for example `<hash>/96x96-crop` for a thumbnail
 */
export async function findUsedFiles(db: Db, hashes: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await rowsOf<{ name: string }>(
    db.raw(
      `WITH media AS (SELECT media_id, media_origin, base64hash FROM public.mediaapi_media_repository WHERE base64hash = ANY(?))
       SELECT base64hash AS name FROM media
       UNION SELECT base64hash || '/' || ${THUMBNAIL_SQL} FROM media
         JOIN public.mediaapi_thumbnail t USING (media_id, media_origin)`,
      [[...hashes]],
    ),
  );
  return new Set(rows.map(({ name }) => name));
}
