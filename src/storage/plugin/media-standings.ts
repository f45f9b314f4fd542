import type { MediaKey } from '../../matrix/media-uris.ts';
import { type Db, rowsOf } from '../database.ts';
import { mediaKeyBindings } from '../mediaapi/media-keys.ts';

/**
 * SQL for the administrator who has quarantined a media, or `NULL` if the media is not quarantined. Row `m` is the media in
 * Dendrite's table. Row `s` is the media in `matrix_admin.media_standings`, which stores quarantines and protections. Both rows
 * may be missing. A quarantine also covers all other media with the same content, as in Synapse. A protected media never counts
 * as quarantined.
 */
export const QUARANTINED_BY = `CASE WHEN s.is_protected THEN NULL ELSE coalesce(s.quarantined_by,
  (SELECT max(h.quarantined_by) FROM matrix_admin.media_standings h
   WHERE h.base64hash = m.base64hash AND h.quarantined_by IS NOT NULL)) END`;

/** SQL that joins the row `s` for `QUARANTINED_BY` to the row `m`. */
export const WITH_STANDING = `LEFT JOIN matrix_admin.media_standings s
  ON s.media_origin = m.media_origin AND s.media_id = m.media_id`;

/** Tells whether a media is quarantined. Also works if the homeserver has not stored the media. */
export async function isQuarantined(db: Db, { origin, mediaId }: MediaKey): Promise<boolean> {
  const [row] = await rowsOf<{ quarantined: boolean }>(
    db.raw(
      `SELECT ${QUARANTINED_BY} IS NOT NULL AS quarantined
       FROM (VALUES (CAST(:origin AS text), CAST(:mediaId AS text))) AS asked (media_origin, media_id)
       LEFT JOIN public.mediaapi_media_repository m USING (media_origin, media_id)
       LEFT JOIN matrix_admin.media_standings s USING (media_origin, media_id)`,
      { origin, mediaId },
    ),
  );
  return row?.quarantined ?? false;
}

/**
 * Quarantines media, except protected media. Also works for media that the homeserver has not stored. Records each quarantine
 * as a `QuarantineChange`.
 * @param by the administrator
 * @returns how many of the given media are not protected, and so are quarantined now
 */
export async function insertQuarantines(db: Db, keys: readonly MediaKey[], by: string): Promise<number> {
  const [row] = await rowsOf<{ quarantined: number }>(
    db.raw(
      `WITH given AS (SELECT DISTINCT media_origin, media_id
         FROM unnest(CAST(:origins AS text[]), CAST(:mediaIds AS text[])) AS g (media_origin, media_id)),
       stored AS (
         INSERT INTO matrix_admin.media_standings AS s (media_origin, media_id, base64hash, quarantined_by, quarantined_at)
         SELECT g.media_origin, g.media_id, m.base64hash, :by, clock_timestamp()
         FROM given g LEFT JOIN public.mediaapi_media_repository m USING (media_origin, media_id)
         ORDER BY g.media_origin, g.media_id
         ON CONFLICT (media_origin, media_id) DO UPDATE SET quarantined_by = excluded.quarantined_by,
           quarantined_at = excluded.quarantined_at, base64hash = coalesce(excluded.base64hash, s.base64hash)
         WHERE NOT s.is_protected
         RETURNING media_origin, media_id),
       logged AS (
         INSERT INTO matrix_admin.media_quarantine_changes (media_origin, media_id, quarantined)
         SELECT media_origin, media_id, true FROM stored ORDER BY media_origin, media_id)
       SELECT count(*)::int AS quarantined FROM stored`,
      { ...mediaKeyBindings(keys), by },
    ),
  );
  return row?.quarantined ?? 0;
}

/** Ends the quarantine of a media, and of all other media with the same content. Records each end as a `QuarantineChange`. */
export async function deleteQuarantine(db: Db, { origin, mediaId }: MediaKey): Promise<void> {
  await db.raw(
    `WITH ended AS (
       UPDATE matrix_admin.media_standings SET quarantined_by = NULL, quarantined_at = NULL
       WHERE quarantined_by IS NOT NULL AND (media_origin = :origin AND media_id = :mediaId OR base64hash IN (
         SELECT base64hash FROM public.mediaapi_media_repository WHERE media_origin = :origin AND media_id = :mediaId
         UNION SELECT base64hash FROM matrix_admin.media_standings WHERE media_origin = :origin AND media_id = :mediaId))
       RETURNING media_origin, media_id)
     INSERT INTO matrix_admin.media_quarantine_changes (media_origin, media_id, quarantined)
     SELECT media_origin, media_id, false FROM ended ORDER BY media_origin, media_id`,
    { origin, mediaId },
  );
}

/**
 * Protects a media from quarantines, or ends the protection. Does not end a quarantine of the media itself: it has no effect
 * during the protection, and has effect again afterwards.
 */
export async function updateProtection(db: Db, { origin, mediaId }: MediaKey, isProtected: boolean): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.media_standings (media_origin, media_id, is_protected) VALUES (:origin, :mediaId, :isProtected)
     ON CONFLICT (media_origin, media_id) DO UPDATE SET is_protected = excluded.is_protected`,
    { origin, mediaId, isProtected },
  );
}

/** The beginning or the end of a media's quarantine. */
export interface QuarantineChange {
  readonly id: number;
  readonly origin: string;
  readonly mediaId: string;
  /** `true` for the beginning, `false` for the end. */
  readonly quarantined: boolean;
}

/** Lists at most `limit` changes with ids above `after`, the oldest first. */
export async function readQuarantineChanges(db: Db, after: number, limit: number): Promise<QuarantineChange[]> {
  const rows = await rowsOf<{ id: string; media_origin: string; media_id: string; quarantined: boolean }>(
    db.raw(
      `SELECT id, media_origin, media_id, quarantined FROM matrix_admin.media_quarantine_changes
       WHERE id > CAST(? AS bigint) ORDER BY id LIMIT ?`,
      [after, limit],
    ),
  );
  return rows.map(({ id, media_origin: origin, media_id: mediaId, quarantined }) => ({
    id: Number(id),
    origin,
    mediaId,
    quarantined,
  }));
}
