import { isRoomId, type RoomId, type ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { HAS_LOCAL_USERS } from '../roomserver/local-members.ts';
import {
  IS_PUBLIC,
  isDescendingOrder,
  type RoomFilter,
  type RoomOrder,
  type RoomPage,
} from '../roomserver/room-list.ts';

/**
 * SQL sort keys of those orders that do not have the name of a column of `room_summaries`. This table has a summary of each
 * room, which contains what lists of rooms show. A summary does not contain whether the room is in the room directory, so the
 * order `public` reads the directory.
 */
const SORT_KEYS: Partial<Record<RoomOrder, string>> = {
  alphabetical: 'r.name',
  size: 'r.joined_members',
  public: IS_PUBLIC,
};

/**
 * SQL condition, ignoring case: the name of the room contains the search term, or the part of the canonical alias before the
 * server name contains the search term, or the whole canonical alias equals the search term. If the database has the index of
 * trigrams, PostgreSQL uses it for each `LIKE` on a column. Only for this reason, the condition also compares the whole alias
 * by `LIKE`.
 */
const IS_FOUND = `(r.search_alias = lower(:searchTerm) OR r.search_name LIKE lower(:pattern)
  OR (r.search_alias LIKE lower(:pattern) AND split_part(r.search_alias, ':', 1) LIKE lower(:pattern)))`;

/** Returns a pattern for `LIKE` that matches each text that contains `part`. */
export const patternOf = (part: string): string => `%${part.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * Reads a page of the ids of the rooms that a filter selects, and counts all these rooms. Reads the summaries of rooms, and for
 * some filters also the room directory and the memberships. If the summaries are correct, the result is the same as that of
 * `readRoomPage()`, which reads the homeserver's own tables.
 */
export async function readSummarisedRoomPage(
  db: Db,
  { searchTerm, isPublic, isEmpty }: RoomFilter,
  { orderBy, isReversed, offset, limit }: RoomPage,
  localServerNames: readonly ServerName[],
): Promise<{ roomIds: RoomId[]; total: number }> {
  const found = searchTerm !== undefined && isRoomId(searchTerm) ? 'r.room_id = :searchTerm' : IS_FOUND;
  const conditions = [
    ...(searchTerm === undefined ? [] : [found]),
    ...(isPublic === undefined ? [] : [`${isPublic ? '' : 'NOT '}${IS_PUBLIC}`]),
    ...(isEmpty === undefined ? [] : [`${isEmpty ? 'NOT ' : ''}(r.joined_local_members > 0 OR ${HAS_LOCAL_USERS})`]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const bindings = {
    searchTerm: searchTerm ?? '',
    pattern: patternOf(searchTerm ?? ''),
    localServerNames: [...localServerNames],
  };
  const isForward = isDescendingOrder(orderBy) === isReversed;
  const key = SORT_KEYS[orderBy] ?? `r.${orderBy}`;
  if (searchTerm !== undefined) {
    // A search is slow, so this statement searches only once, and uses the result both for the total and for the page.
    const direction = isForward ? 'ASC' : 'DESC';
    const rows = await rowsOf<{ total: number; room_id: RoomId | null }>(
      db.raw(
        `WITH matching AS MATERIALIZED (SELECT r.room_id, ${key} AS key FROM matrix_admin.room_summaries r ${where})
         SELECT (SELECT count(*)::int FROM matching) AS total, page.room_id FROM (SELECT) AS one LEFT JOIN (
           SELECT room_id, row_number() OVER (ORDER BY key ${direction}, room_id ${direction}) AS n
           FROM matching ORDER BY n OFFSET :offset LIMIT :limit) AS page ON true
         ORDER BY page.n`,
        { ...bindings, offset, limit },
      ),
    );
    return { roomIds: rows.flatMap((row) => row.room_id ?? []), total: rows[0]?.total ?? 0 };
  }
  const [count] = await rowsOf<{ total: number }>(
    db.raw(`SELECT count(*)::int AS total FROM matrix_admin.room_summaries r ${where}`, bindings),
  );
  const total = count?.total ?? 0;
  const length = Math.min(limit, total - offset);
  if (length <= 0) return { roomIds: [], total };
  // If the page begins in the second half of the list, read the list backwards from its end, so that PostgreSQL skips fewer
  // rooms.
  const fromEnd = offset > total / 2;
  const direction = isForward === fromEnd ? 'DESC' : 'ASC';
  const rows = await rowsOf<{ room_id: RoomId }>(
    db.raw(
      `SELECT r.room_id FROM matrix_admin.room_summaries r ${where}
       ORDER BY ${key} ${direction}, r.room_id ${direction} OFFSET :start LIMIT :length`,
      { ...bindings, start: fromEnd ? total - offset - length : offset, length },
    ),
  );
  const roomIds = rows.map(({ room_id }) => room_id);
  return { roomIds: fromEnd ? roomIds.reverse() : roomIds, total };
}
