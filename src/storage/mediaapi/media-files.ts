import type { Knex } from 'knex';
import type { ServerName } from '../../ids.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { type Db, rowsOf } from '../database.ts';

/** A row of Dendrite's table of media or of its table of thumbnails. Each row stands for a file. */
export interface FileRow extends MediaKey {
  /** The column `base64hash` of the media: the hash of its content. Empty for a thumbnail whose media has no row. */
  readonly hash: string;
  /** Name of the thumbnail, such as `96x96-crop`. Empty if this is the row of the media itself. */
  readonly thumbnail: string;
  /** The size of the file according to the row, in bytes. */
  readonly size: number;
}

/** Identifies the row after which a page of rows begins. For rows of media, `thumbnail` is ignored. */
export type FileRowPosition = readonly [mediaId: string, origin: string, thumbnail: string];
export const FIRST_FILE_ROW: FileRowPosition = ['', '', ''];

const THUMBNAIL = `t.width || 'x' || t.height || '-' || t.resize_method`;

const READ = {
  media: `SELECT media_id, media_origin, base64hash, '' AS thumbnail, file_size_bytes
    FROM public.mediaapi_media_repository m
    WHERE (media_id, media_origin) > (:mediaId, :origin) ORDER BY media_id, media_origin LIMIT :limit`,
  // The second comparison alone would select the same rows, but PostgreSQL can use the index only for the first comparison.
  thumbnails: `SELECT t.media_id, t.media_origin, coalesce(m.base64hash, '') AS base64hash, ${THUMBNAIL} AS thumbnail,
      t.file_size_bytes
    FROM public.mediaapi_thumbnail t LEFT JOIN public.mediaapi_media_repository m USING (media_id, media_origin)
    WHERE (t.media_id, t.media_origin) >= (:mediaId, :origin)
      AND (t.media_id, t.media_origin, ${THUMBNAIL}) > (:mediaId, :origin, :thumbnail)
    ORDER BY t.media_id, t.media_origin, thumbnail LIMIT :limit`,
} as const;

/** The kinds of rows: of media, or of thumbnails. */
export type FileRowKind = keyof typeof READ;

/** Lists at most `limit` rows of one kind after the given row, in the order of media ids, origins and thumbnails. */
export async function readFileRows(
  db: Db,
  kind: FileRowKind,
  [mediaId, origin, thumbnail]: FileRowPosition,
  limit: number,
): Promise<FileRow[]> {
  const rows = await rowsOf<{
    media_id: string;
    media_origin: ServerName;
    base64hash: string;
    thumbnail: string;
    file_size_bytes: string;
  }>(db.raw(READ[kind], { mediaId, origin, limit, ...(kind === 'thumbnails' && { thumbnail }) }));
  return rows.map((row) => ({
    origin: row.media_origin,
    mediaId: row.media_id,
    hash: row.base64hash,
    thumbnail: row.thumbnail,
    size: Number(row.file_size_bytes),
  }));
}

/** Deletes the row of a thumbnail. */
export async function deleteThumbnail(
  transaction: Knex.Transaction,
  { origin, mediaId, thumbnail }: Pick<FileRow, 'origin' | 'mediaId' | 'thumbnail'>,
): Promise<void> {
  await transaction.raw(
    `DELETE FROM public.mediaapi_thumbnail t WHERE media_id = ? AND media_origin = ? AND ${THUMBNAIL} = ?`,
    [mediaId, origin, thumbnail],
  );
}

/** Corrects the size in the row of a media or of a thumbnail. @param size in bytes */
export async function updateFileSize(
  transaction: Knex.Transaction,
  { origin, mediaId, thumbnail }: Pick<FileRow, 'origin' | 'mediaId' | 'thumbnail'>,
  size: number,
): Promise<void> {
  if (thumbnail === '') {
    await transaction.raw(
      `UPDATE public.mediaapi_media_repository SET file_size_bytes = ? WHERE media_id = ? AND media_origin = ?`,
      [size, mediaId, origin],
    );
    return;
  }
  await transaction.raw(
    `UPDATE public.mediaapi_thumbnail t SET file_size_bytes = ?
     WHERE media_id = ? AND media_origin = ? AND ${THUMBNAIL} = ?`,
    [size, mediaId, origin, thumbnail],
  );
}
