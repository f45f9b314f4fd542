import type { ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** What one local user has uploaded, within the filter's time. */
export interface MediaOfUser {
  readonly userId: UserId;
  /** `null` if the user has no display name, or an empty one. */
  readonly displayName: string | null;
  readonly mediaCount: number;
  /** Sum of the file sizes, in bytes. Thumbnails are not included. */
  readonly mediaLength: number;
}

const ORDERS = {
  user_id: 'user_id COLLATE "C"',
  displayname: 'display_name COLLATE "C"',
  media_length: 'media_length',
  media_count: 'media_count',
} as const;
export type MediaOrder = keyof typeof ORDERS;
export const MEDIA_ORDERS = Object.keys(ORDERS) as [MediaOrder, ...MediaOrder[]];

export interface MediaFilter {
  readonly localServerNames: readonly ServerName[];
  /** Only users whose localpart or display name contains this text, ignoring case. */
  readonly searchTerm?: string | undefined;
  /** Counts only uploads at or after this time, in ms since the epoch. */
  readonly since?: number | undefined;
  /** Counts only uploads at or before this time, in ms since the epoch. */
  readonly until?: number | undefined;
}

export interface MediaPage {
  readonly orderBy: MediaOrder;
  readonly isReversed: boolean;
  readonly offset: number;
  readonly limit: number;
}

/**
 * Reads a page of the local users who have uploaded media that the filter counts, and counts all these users. The query scans
 * the whole table of media.
 */
export async function readMediaOfUsers(
  db: Db,
  { localServerNames, searchTerm, since, until }: MediaFilter,
  { orderBy, isReversed, offset, limit }: MediaPage,
): Promise<{ users: MediaOfUser[]; total: number }> {
  const order = `${ORDERS[orderBy]} ${isReversed ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}, user_id COLLATE "C"`;
  const rows = await rowsOf<{
    total: number;
    user_id: UserId | null;
    display_name: string | null;
    media_count: number;
    media_length: string;
  }>(
    db.raw(
      `WITH uploaded AS (
         SELECT user_id, count(*)::int AS media_count, sum(file_size_bytes)::bigint AS media_length
         FROM public.mediaapi_media_repository
         WHERE media_origin = ANY(:localServerNames) AND user_id <> ''
           AND (CAST(:since AS float8) IS NULL OR creation_ts >= CAST(:since AS float8))
           AND (CAST(:until AS float8) IS NULL OR creation_ts <= CAST(:until AS float8))
         GROUP BY user_id),
       matching AS MATERIALIZED (
         SELECT u.*, nullif(p.display_name, '') AS display_name FROM uploaded u
         LEFT JOIN public.userapi_profiles p ON p.localpart = split_part(substr(u.user_id, 2), ':', 1)
           AND p.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)
         WHERE CAST(:searchTerm AS text) IS NULL
           OR strpos(lower(split_part(substr(u.user_id, 2), ':', 1)), lower(:searchTerm)) > 0
           OR strpos(lower(p.display_name), lower(:searchTerm)) > 0)
       SELECT (SELECT count(*)::int FROM matching) AS total, page.*
       FROM (SELECT) AS one LEFT JOIN (
         SELECT *, row_number() OVER (ORDER BY ${order}) AS n FROM matching ORDER BY n OFFSET :offset LIMIT :limit) AS page ON true
       ORDER BY page.n`,
      {
        localServerNames: [...localServerNames],
        searchTerm: searchTerm ?? null,
        since: since ?? null,
        until: until ?? null,
        offset,
        limit,
      },
    ),
  );
  return {
    users: rows.flatMap(({ user_id: userId, display_name: displayName, media_count: count, media_length: length }) =>
      userId === null ? [] : [{ userId, displayName, mediaCount: count, mediaLength: Number(length) }],
    ),
    total: rows[0]?.total ?? 0,
  };
}
