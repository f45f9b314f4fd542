import type { Knex } from 'knex';
import type { ServerName, UserId } from '../../index.ts';

/** The columns of a row of `mediaapi_media_repository` that a download needs. */
export interface Media {
  readonly origin: ServerName;
  readonly mediaId: string;
  readonly contentType: string;
  /** The size of the file, in bytes. */
  readonly size: number;
  /** The name of the file, percent-encoded as Dendrite stores the names of local uploads. Empty if the file has no name. */
  readonly uploadName: string;
  readonly hash: string;
}

/** Stores the row of an upload, with the same columns as Dendrite. */
export async function insertMedia(transaction: Knex.Transaction, media: Media, userId: UserId): Promise<void> {
  await transaction('public.mediaapi_media_repository').insert({
    media_id: media.mediaId,
    media_origin: media.origin,
    content_type: media.contentType,
    file_size_bytes: media.size,
    creation_ts: Date.now(),
    upload_name: media.uploadName,
    base64hash: media.hash,
    user_id: userId,
  });
}

export async function findMedia(db: Knex, origin: ServerName, mediaId: string): Promise<Media | undefined> {
  const row = await db('public.mediaapi_media_repository')
    .where({ media_origin: origin, media_id: mediaId })
    .first('content_type', 'file_size_bytes', 'upload_name', 'base64hash');
  if (row === undefined) return undefined;
  return {
    origin,
    mediaId,
    contentType: row.content_type,
    size: Number(row.file_size_bytes),
    uploadName: row.upload_name,
    hash: row.base64hash,
  };
}

/** A stored thumbnail. */
export interface Thumbnail {
  readonly contentType: string;
  /** The size of the file, in bytes. */
  readonly size: number;
  readonly width: number;
  readonly height: number;
  readonly method: 'crop' | 'scale';
}

/**
 * Finds the smallest stored thumbnail of a media that was made with the wanted method, and whose width and height are at least
 * the wanted ones, in pixels. Returns `undefined` if there is none.
 */
export async function findThumbnail(
  db: Knex,
  { origin, mediaId }: Pick<Media, 'origin' | 'mediaId'>,
  { width, height, method }: Pick<Thumbnail, 'width' | 'height' | 'method'>,
): Promise<Thumbnail | undefined> {
  const row = await db('public.mediaapi_thumbnail')
    .where({ media_origin: origin, media_id: mediaId, resize_method: method })
    .where('width', '>=', width)
    .where('height', '>=', height)
    .orderByRaw('width * height')
    .first('content_type', 'file_size_bytes', 'width', 'height');
  if (row === undefined) return undefined;
  return {
    contentType: row.content_type,
    size: Number(row.file_size_bytes),
    width: row.width,
    height: row.height,
    method,
  };
}
