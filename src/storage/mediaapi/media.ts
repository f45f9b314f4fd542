import type { ServerName, UserId } from '../../ids.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { type Db, rowsOf } from '../database.ts';
import { QUARANTINED_BY, WITH_STANDING } from '../plugin/media-standings.ts';
import { mediaKeyBindings } from './media-keys.ts';

/**
 * A media that the homeserver has stored, because a local user has uploaded the media, or because the homeserver has fetched
 * the media from another server.
 */
export interface StoredMedia extends MediaKey {
  /** The local user who has uploaded the media. `null` if no user is stored, as for media of other servers. */
  readonly userId: UserId | null;
  readonly contentType: string;
  /** The size in bytes. */
  readonly size: number;
  /** Name of the file. `null` if no name was given at the upload. */
  readonly uploadName: string | null;
  /** When the media was uploaded or fetched, in ms since the epoch. */
  readonly createdTs: number;
  /** SHA-256 of the content, in unpadded URL-safe base64. Media with the same content share one file. */
  readonly hash: string;
  /**
   * The administrator who has quarantined this media, or another media with the same content. `null` if nobody has quarantined
   * such a media, or if this media is protected.
   */
  readonly quarantinedBy: string | null;
  /** Whether the media is protected from quarantines. */
  readonly isProtected: boolean;
}

interface MediaRow {
  readonly media_origin: ServerName;
  readonly media_id: string;
  readonly user_id: UserId | '';
  readonly content_type: string;
  readonly file_size_bytes: string;
  readonly upload_name: string;
  readonly creation_ts: string;
  readonly base64hash: string;
  readonly quarantined_by: string | null;
  readonly is_protected: boolean;
}

const SELECT = `SELECT m.*, ${QUARANTINED_BY} AS quarantined_by, coalesce(s.is_protected, false) AS is_protected
  FROM public.mediaapi_media_repository m ${WITH_STANDING}`;

const mediaOf = (row: MediaRow): StoredMedia => ({
  origin: row.media_origin,
  mediaId: row.media_id,
  userId: row.user_id || null,
  contentType: row.content_type,
  size: Number(row.file_size_bytes),
  uploadName: nameOf(row.upload_name),
  createdTs: Number(row.creation_ts),
  hash: row.base64hash,
  quarantinedBy: row.quarantined_by,
  isProtected: row.is_protected,
});

/**
 * Decodes the name of a file. Dendrite stores the name of a local upload percent-encoded. For media of another server, Dendrite
 * stores the name as the other server has sent it. Returns `null` for an empty name, and leaves a name unchanged that it cannot
 * decode.
 */
function nameOf(stored: string): string | null {
  try {
    return decodeURIComponent(stored) || null;
  } catch {
    return stored;
  }
}

/** Reads a media. Returns `undefined` if the homeserver has not stored the media. */
export async function findMedia(db: Db, { origin, mediaId }: MediaKey): Promise<StoredMedia | undefined> {
  const [row] = await rowsOf<MediaRow>(
    db.raw(`${SELECT} WHERE m.media_origin = ? AND m.media_id = ?`, [origin, mediaId]),
  );
  return row && mediaOf(row);
}

const ORDERS = {
  media_id: 'm.media_id COLLATE "C"',
  upload_name: 'm.upload_name COLLATE "C"',
  created_ts: 'm.creation_ts',
  // Dendrite does not record when a media was last used, so this order uses the time of the upload.
  last_access_ts: 'm.creation_ts',
  media_length: 'm.file_size_bytes',
  media_type: 'm.content_type COLLATE "C"',
  quarantined_by: `${QUARANTINED_BY} COLLATE "C"`,
  safe_from_quarantine: 'coalesce(s.is_protected, false)',
} as const;
export type UserMediaOrder = keyof typeof ORDERS;
export const USER_MEDIA_ORDERS = Object.keys(ORDERS) as [UserMediaOrder, ...UserMediaOrder[]];

export interface UserMediaPage {
  readonly orderBy: UserMediaOrder;
  readonly isReversed: boolean;
  readonly offset: number;
  readonly limit: number;
}

/**
 * Reads a page of the media that a user has uploaded. The query scans the whole table, because Dendrite has no index on the
 * uploader.
 */
export async function readMediaOfUser(
  db: Db,
  userId: UserId,
  { orderBy, isReversed, offset, limit }: UserMediaPage,
): Promise<StoredMedia[]> {
  const order = `${ORDERS[orderBy]} ${isReversed ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}`;
  const rows = await rowsOf<MediaRow>(
    db.raw(`${SELECT} WHERE m.user_id = ? ORDER BY ${order}, m.media_id, m.media_origin OFFSET ? LIMIT ?`, [
      userId,
      offset,
      limit,
    ]),
  );
  return rows.map(mediaOf);
}

/**
 * Returns the number of media that a user has uploaded, and the sum of their sizes in bytes. The query scans the whole table.
 */
export async function countMediaOfUser(db: Db, userId: UserId): Promise<{ mediaCount: number; mediaLength: number }> {
  const [row] = await rowsOf<{ count: number; length: string }>(
    db.raw(
      `SELECT count(*)::int AS count, coalesce(sum(file_size_bytes), 0)::bigint AS length
       FROM public.mediaapi_media_repository WHERE user_id = ?`,
      [userId],
    ),
  );
  return { mediaCount: row?.count ?? 0, mediaLength: Number(row?.length ?? 0) };
}

/** Selects media for a deletion. */
export interface MediaFilter {
  readonly localServerNames: readonly ServerName[];
  /** `true` selects media of the servers in `localServerNames`. `false` selects media of other servers. */
  readonly isLocal: boolean;
  /** Selects media of this server only. @defaultValue media of all servers that `isLocal` selects */
  readonly origin?: ServerName | undefined;
  /**
   * Selects local media that were uploaded, or media of other servers that were fetched, before this time. The time is in ms
   * since the epoch.
   */
  readonly before: number;
  /** Selects media that are larger than this number of bytes. */
  readonly largerThan: number;
}

/**
 * Lists at most `limit` media that a filter selects, in the order of media ids and origins. Leaves out protected media.
 * @param after the last media of the previous page; `undefined` for the first page
 */
export async function readMediaKeys(
  db: Db,
  { localServerNames, isLocal, origin, before, largerThan }: MediaFilter,
  after: MediaKey | undefined,
  limit: number,
): Promise<MediaKey[]> {
  return keysOf(
    db.raw(
      `SELECT m.media_origin, m.media_id FROM public.mediaapi_media_repository m ${WITH_STANDING}
       WHERE (m.media_id, m.media_origin) > (:mediaId, :origin) AND (m.media_origin = ANY(:localServerNames)) = :isLocal
         AND (CAST(:only AS text) IS NULL OR m.media_origin = :only) AND m.creation_ts < :before AND m.file_size_bytes > :largerThan AND s.is_protected IS NOT TRUE
       ORDER BY m.media_id, m.media_origin LIMIT :limit`,
      {
        origin: after?.origin ?? '',
        mediaId: after?.mediaId ?? '',
        localServerNames: [...localServerNames],
        isLocal,
        only: origin ?? null,
        before,
        largerThan,
        limit,
      },
    ),
  );
}

/** Lists all media that a user has uploaded, in the order of media ids. */
export async function readMediaKeysOfUser(db: Db, userId: UserId): Promise<MediaKey[]> {
  return keysOf(
    db.raw(
      `SELECT media_origin, media_id FROM public.mediaapi_media_repository WHERE user_id = ?
       ORDER BY media_id, media_origin`,
      [userId],
    ),
  );
}

/**
 * Lists those of the given media that the user `owner.uploader` has uploaded, or whose origin is the server `owner.origin`.
 * Leaves out protected media. With `owner.origin`, also lists media that the homeserver has not stored.
 * @param among the given media
 * @param onlyFree whether to leave out media that are quarantined themselves
 */
export async function listUnprotectedMediaOf(
  db: Db,
  owner: { readonly uploader: UserId } | { readonly origin: ServerName },
  among: readonly MediaKey[],
  onlyFree: boolean,
): Promise<MediaKey[]> {
  return keysOf(
    db.raw(
      `SELECT media_origin, media_id FROM unnest(CAST(:origins AS text[]), CAST(:mediaIds AS text[])) AS g (media_origin, media_id)
       LEFT JOIN public.mediaapi_media_repository m USING (media_origin, media_id)
       LEFT JOIN matrix_admin.media_standings s USING (media_origin, media_id)
       WHERE (m.user_id = CAST(:uploader AS text) OR media_origin = CAST(:origin AS text))
         AND s.is_protected IS NOT TRUE AND NOT (CAST(:onlyFree AS boolean) AND s.quarantined_by IS NOT NULL)
       ORDER BY media_id, media_origin`,
      {
        ...mediaKeyBindings(among),
        uploader: 'uploader' in owner ? owner.uploader : null,
        origin: 'origin' in owner ? owner.origin : null,
        onlyFree,
      },
    ),
  );
}

async function keysOf(
  query: PromiseLike<{ rows: Pick<MediaRow, 'media_origin' | 'media_id'>[] }>,
): Promise<MediaKey[]> {
  const rows = await rowsOf(query);
  return rows.map(({ media_origin: origin, media_id: mediaId }) => ({ origin, mediaId }));
}

/** A thumbnail that the homeserver has made of a media. */
export interface StoredThumbnail {
  readonly width: number;
  readonly height: number;
  /** `crop` or `scale`. */
  readonly method: string;
  /** The size in bytes. */
  readonly size: number;
}

/** Lists the stored thumbnails of a media, the narrowest first. */
export async function listThumbnails(db: Db, { origin, mediaId }: MediaKey): Promise<StoredThumbnail[]> {
  const rows = await rowsOf<{ width: number; height: number; resize_method: string; file_size_bytes: string }>(
    db.raw(
      `SELECT width, height, resize_method, file_size_bytes FROM public.mediaapi_thumbnail
       WHERE media_id = ? AND media_origin = ? ORDER BY width, height, resize_method`,
      [mediaId, origin],
    ),
  );
  return rows.map(({ width, height, resize_method: method, file_size_bytes: size }) => ({
    width,
    height,
    method,
    size: Number(size),
  }));
}

/** Lists the other media that have the same content as the given media. The query scans the whole table. */
export async function listSharers(db: Db, { origin, mediaId, hash }: StoredMedia): Promise<MediaKey[]> {
  return keysOf(
    db.raw(
      `SELECT media_origin, media_id FROM public.mediaapi_media_repository
       WHERE base64hash = :hash AND (media_id <> :mediaId OR media_origin <> :origin) ORDER BY media_id, media_origin`,
      { hash, mediaId, origin },
    ),
  );
}
