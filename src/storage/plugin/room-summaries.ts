import type { Knex } from 'knex';
import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { readableJson } from '../readable-json.ts';
import { IS_LOCAL } from '../roomserver/local-members.ts';
import { IS_SHOWN, SORTED_LENGTH } from '../roomserver/room-list.ts';
import type { SummaryIndex } from './summary-indexes.ts';
import type { Compared } from './summary-states.ts';
import type { TrigramIndex } from './trigrams.ts';

/**
 * `TEXTS` lists the columns of a room's summary that contain a text of the room's current state, each with the type of the
 * state event and the key of the text in the event's content. A summary is a row of `matrix_admin.room_summaries`. The row
 * contains what lists of rooms show about the room, so that lists of many rooms are quick.
 */
const TEXTS = {
  name: ['m.room.name', 'name'],
  canonical_alias: ['m.room.canonical_alias', 'alias'],
  encryption: ['m.room.encryption', 'algorithm'],
  join_rules: ['m.room.join_rules', 'join_rule'],
  guest_access: ['m.room.guest_access', 'guest_access'],
  history_visibility: ['m.room.history_visibility', 'history_visibility'],
} as const;
/** The types of state events of which a summary contains something. */
export const STATE_TYPES: readonly string[] = ['m.room.create', ...Object.values(TEXTS).map(([type]) => type)];

/** Returns SQL for a text in the content of the state event of a type. The SQL gives NULL for a missing or empty text. */
const contentOf = (type: string, key: string): string =>
  `max(nullif(s.content #>> '{${key}}', '')) FILTER (WHERE s.type = '${type}')`;

/**
 * SQL that reads `STATE_COLUMNS` of room `r` from the room's current state. The SQL returns one row. The texts are cut to
 * `SORTED_LENGTH` characters, except `search_name` and `search_alias`.
 */
export const STATE = `SELECT ${Object.entries(TEXTS)
  .map(([column, [type, key]]) => `left(${contentOf(type, key)}, ${SORTED_LENGTH}) AS ${column}`)
  .join(', ')},
    left(max(s.sender) FILTER (WHERE s.type = 'm.room.create'), ${SORTED_LENGTH}) AS creator,
    coalesce(${contentOf('m.room.create', 'm.federate')}, 'true') <> 'false' AS federatable,
    lower(${contentOf('m.room.name', 'name')}) AS search_name,
    lower(${contentOf('m.room.canonical_alias', 'alias')}) AS search_alias
  FROM (SELECT c.type, c.sender, CAST(${readableJson('c.headered_event_json')} AS json) -> 'content' AS content
    FROM public.syncapi_current_room_state c
    WHERE c.room_id = r.room_id AND c.state_key = '' AND c.type = ANY('{${STATE_TYPES.join()}}')) AS s`;
/** The columns that `STATE` reads. */
export const STATE_COLUMNS = [...Object.keys(TEXTS), 'creator', 'federatable', 'search_name', 'search_alias'];

/** The columns of a summary that count members and state events. */
export const COUNT_COLUMNS = ['joined_members', 'joined_local_members', 'state_events'];
/** The columns by which `compareRoomSummaries()` finds out whether a stored summary is correct. */
const COMPARED = ['room_id', 'version', ...COUNT_COLUMNS, ...STATE_COLUMNS];
const COLUMNS = ['room_nid', 'up_to', 'state_snapshot_nid', ...COMPARED];

/** The index for searches by name and alias. A database without the extension `pg_trgm` does not have this index. */
export const ROOM_SEARCH_INDEX: TrigramIndex = {
  name: 'room_summaries_search',
  table: 'room_summaries',
  columns: ['search_name', 'search_alias'],
};

/**
 * Indexes for lists of rooms that are sorted by one of these columns. For any other order, PostgreSQL sorts the summaries of
 * all rooms, which takes less than a tenth of a second. Updating an index also costs time, so only columns that seldom change
 * have an index.
 */
export const ROOM_ORDER_INDEXES: readonly SummaryIndex[] = ['name', 'canonical_alias'].map((column) => ({
  name: `room_summaries_${column}`,
  table: 'room_summaries',
  definition: `(${column}, room_id)`,
}));

/**
 * SQL for the NID of the newest event of room `r`. A NID is the number that Dendrite gives an event. `latest_event_nids` has
 * the forward extremities: the events that no other event follows yet. The newest event is one of them.
 */
export const NEWEST = '(SELECT max(nid) FROM unnest(r.latest_event_nids) AS nid)';

/**
 * Returns SQL that computes the summaries of rooms from the homeserver's tables, without reading the stored summaries.
 * @param condition SQL condition on the row `r` of a room. Rooms that lists do not show are left out anyway.
 */
const rightSummaries = (condition: string): string => `
  SELECT r.room_nid, ${NEWEST} AS up_to, r.state_snapshot_nid, r.room_id, r.room_version AS version, members.*,
    (SELECT count(*)::int FROM public.syncapi_current_room_state c WHERE c.room_id = r.room_id) AS state_events, state.*
  FROM public.roomserver_rooms r
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS joined_members, (count(*) FILTER (WHERE ${IS_LOCAL}))::int AS joined_local_members
    FROM public.roomserver_membership m JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
    WHERE m.room_nid = r.room_nid AND m.membership_nid = 3) AS members
  CROSS JOIN LATERAL (${STATE}) AS state
  WHERE ${IS_SHOWN} AND ${condition}`;

/**
 * Returns SQL that stores computed summaries. If the stored summary of a room already includes a newer event, because another
 * transaction has just stored it, the stored summary stays.
 * @param summaries SQL for the rows to store
 */
const store = (summaries: string): string => `
  INSERT INTO matrix_admin.room_summaries AS old (${COLUMNS.join(', ')})
  SELECT ${COLUMNS.join(', ')} FROM ${summaries} ORDER BY room_nid
  ON CONFLICT (room_nid) DO UPDATE SET ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE old.up_to <= excluded.up_to`;

/**
 * Computes a room's summary anew, and stores it. The cost depends on the number of members and state events, because the query
 * counts them. The transaction must have locked the row of the room in `roomserver_rooms`.
 */
export async function summariseRoom(
  transaction: Knex.Transaction,
  roomId: RoomId | string,
  localServerNames: readonly ServerName[],
): Promise<void> {
  await transaction.raw(store(`(${rightSummaries('r.room_id = :roomId')}) AS summary`), {
    roomId,
    localServerNames: [...localServerNames],
  });
}

/** Deletes the summary of a room, so that lists no longer show the room. */
export async function deleteRoomSummary(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw(
    `DELETE FROM matrix_admin.room_summaries
     WHERE room_nid = (SELECT room_nid FROM public.roomserver_rooms WHERE room_id = ?)`,
    [roomId],
  );
}

/**
 * Computes the summaries of a batch of rooms, and compares them with the stored summaries. The rooms are in the order of their
 * NIDs.
 * @param batch `after`: NID of the last room in the previous batch. `limit`: maximum number of rooms in the batch. `corrects`:
 * whether to store the right summaries in place of wrong and missing ones, and to delete summaries of rooms that do not exist
 * or that lists do not show
 */
export async function compareRoomSummaries(
  db: Db,
  localServerNames: readonly ServerName[],
  { after, limit, corrects }: { readonly after: number; readonly limit: number; readonly corrects: boolean },
): Promise<Compared<number>> {
  const differs = `(${COMPARED.map((column) => `s.${column}`).join(', ')})
    IS DISTINCT FROM (${COMPARED.map((column) => `r.${column}`).join(', ')})`;
  const [row] = await rowsOf<{ last: string | null; compared: number; wrong: number }>(
    db.raw(
      `WITH batch AS (SELECT room_nid FROM public.roomserver_rooms WHERE room_nid > :after ORDER BY room_nid LIMIT :limit),
       last AS (SELECT CASE WHEN count(*) = :limit THEN max(room_nid) END AS nid, count(*)::int AS rooms FROM batch),
       summary AS MATERIALIZED (${rightSummaries('r.room_nid IN (SELECT room_nid FROM batch)')}),
       wrong AS MATERIALIZED (SELECT r.* FROM summary r
         LEFT JOIN matrix_admin.room_summaries s ON s.room_nid = r.room_nid WHERE ${differs}),
       superfluous AS MATERIALIZED (SELECT s.room_nid FROM matrix_admin.room_summaries s
         WHERE s.room_nid > :after AND s.room_nid <= coalesce((SELECT nid FROM last), s.room_nid)
           AND s.room_nid NOT IN (SELECT room_nid FROM summary))
       ${corrects ? `, stored AS (${store('wrong')}), removed AS (DELETE FROM matrix_admin.room_summaries WHERE room_nid IN (SELECT room_nid FROM superfluous))` : ''}
       SELECT last.nid AS last, last.rooms AS compared,
         ((SELECT count(*) FROM wrong) + (SELECT count(*) FROM superfluous))::int AS wrong FROM last`,
      { after, limit, localServerNames: [...localServerNames] },
    ),
  );
  return {
    next: row === undefined || row.last === null ? undefined : Number(row.last),
    compared: row?.compared ?? 0,
    wrong: row?.wrong ?? 0,
  };
}

/** Counts all rooms in `roomserver_rooms`. */
export async function countRooms(db: Db): Promise<number> {
  const [row] = await rowsOf<{ rooms: number }>(db.raw('SELECT count(*)::int AS rooms FROM public.roomserver_rooms'));
  return row?.rooms ?? 0;
}
