import type { Knex } from 'knex';
import type { EventId } from '../ids.ts';
import { rowsOf } from './database.ts';
import type { RowCounts } from './deletion.ts';
import { contains } from './media-names.ts';
import type { RoomKeys } from './room-tables.ts';
import { deletionsOfEvents } from './roomserver/history-events.ts';
import { deletionsFromTimeline, IN_RANGE, isAmong, type Place, rangeOf } from './syncapi/history-timeline.ts';

/**
 * The settings of one step of a purge of history. A step takes events of one room out of the timeline. A place is the depth and
 * the stream position of an event, which order the timeline.
 */
export interface HistoryStep {
  /** The step begins after this place. */
  readonly after: Place;
  /** The step ends before this place. */
  readonly before: Place;
  /** Maximum number of events that the step reads. If `isLarge` is `true`, the events of all other rooms count, too. */
  readonly limit: number;
  /**
   * How the step finds the room's next events. If `true`, the step reads the places of the events of all rooms, in order, with
   * an index of `syncapi_output_room_events_topology`. This is faster for a large room. If `false`, the step looks up the place
   * of each event of the room, and sorts the places.
   */
  readonly isLarge: boolean;
  /** Whether the step also deletes events of local users. The step never deletes state events. */
  readonly deleteLocalEvents: boolean;
  readonly localServerNames: readonly string[];
  /** NIDs of events that stay in the timeline. A NID is a number by which Dendrite's tables refer to an event or a room. */
  readonly kept: readonly number[];
  /** Whether the step returns `mediaTexts`. */
  readonly withMediaTexts: boolean;
}

/** What one step has done. */
export interface HistoryStepResult {
  /** All events that have left the timeline, including those that stay stored. */
  readonly gone: readonly { readonly eventId: EventId; readonly type: string }[];
  /** Number of deleted rows, by table. */
  readonly deleted: RowCounts;
  /** The JSON of those deleted events that may refer to media. Empty without `withMediaTexts`. */
  readonly mediaTexts: readonly string[];
  /** The place after which the next step begins. `undefined` after the last step. */
  readonly next: Place | undefined;
  /**
   * Events that have left the timeline, but may still be listed in `roomserver_previous_events`. Each row of this table lists
   * the events that follow one event. The step has read only some of the rows, and the missed events were in none of these
   * rows. The caller must take each missed event out of the rows of its previous events, which `json` names in `prev_events`.
   */
  readonly missed: readonly { readonly eventNid: number; readonly json: string }[];
}

/**
 * SQL for the places of a room's events in the range of a step, including events that stay in the timeline. `id` is the stream
 * position of the event. `large` is for steps with `isLarge`, and `small` is for the others. `large` needs no limit, because
 * `findEnd()` has limited the range.
 */
const PLACES = {
  large: `SELECT t.topological_position AS depth, t.stream_position AS id, t.event_id
    FROM public.syncapi_output_room_events_topology t WHERE t.room_id = :roomId AND ${IN_RANGE}`,
  small: `SELECT t.topological_position AS depth, t.stream_position AS id, t.event_id
    FROM (SELECT event_id FROM public.syncapi_output_room_events WHERE room_id = :roomId OFFSET 0) e
    JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id
    WHERE ${IN_RANGE} ORDER BY t.topological_position, t.stream_position LIMIT :limit`,
};

/*
 * The next four constants are SQL for arrays of ids. PostgreSQL looks up the ids of an array in an index, in the order of the
 * index. If the statement joined the tables instead, PostgreSQL would read whole tables, because PostgreSQL cannot estimate the
 * number of the ids. The statement looks up numbers where it can. Looking up as many event ids takes several times longer,
 * because event ids are random texts.
 */
const PLACE_IDS = 'ARRAY(SELECT id FROM places)';
const PLACE_EVENT_IDS = 'ARRAY(SELECT event_id FROM places)';
const DELETED_EVENT_IDS = 'ARRAY(SELECT event_id FROM gone WHERE is_deleted)';
const DELETED_NIDS = 'ARRAY(SELECT event_nid FROM gone WHERE is_deleted)';

/**
 * SQL for the events of the step that leave the timeline. `stays`: the event stays stored as an outlier. `is_deleted`: the
 * event is deleted. Neither holds for an event that is in the timeline, but not in `roomserver_events`. PostgreSQL cannot run
 * the `FULL JOIN` as a nested loop, which would compare each row with each other row.
 */
const GONE = `
  timeline AS MATERIALIZED (
    SELECT id, event_id, type, substr(sender, strpos(sender, ':') + 1) = ANY(:localServerNames) AS is_local
    FROM public.syncapi_output_room_events WHERE id = ANY(${PLACE_IDS}) AND ${isAmong('event_id', 'SELECT event_id FROM places')}),
  stored AS MATERIALIZED (
    SELECT event_id, event_nid, event_state_key_nid <> 0 AS is_state, state_snapshot_nid
    FROM public.roomserver_events WHERE event_id = ANY(${PLACE_EVENT_IDS})),
  joined AS MATERIALIZED (SELECT * FROM timeline FULL JOIN stored USING (event_id)),
  gone AS MATERIALIZED (
    SELECT *, event_nid IS NOT NULL AND (is_state OR (is_local AND NOT :deleteLocalEvents)) AS stays,
      event_nid IS NOT NULL AND NOT (is_state OR (is_local AND NOT :deleteLocalEvents)) AS is_deleted
    FROM joined WHERE type IS NOT NULL AND (event_nid IS NULL OR event_nid <> ALL(:kept)))`;

/**
 * SQL that takes the events out of the lists of followers: for each event, a row of `roomserver_previous_events` lists the
 * events that follow it. The SQL also stores the followers that stay in the timeline as backward extremities, which are events
 * whose previous events are missing. In most lists, no follower stays. The SQL deletes these lists at once, and reads only the
 * other lists.
 */
const UNLINKED = `
  followed AS MATERIALIZED (
    SELECT event_id FROM gone UNION ALL SELECT prev_event_id FROM public.syncapi_backward_extremities
    WHERE room_id = :roomId AND ${isAmong('event_id', 'SELECT event_id FROM gone')}),
  unlinked AS (
    DELETE FROM public.roomserver_previous_events
    WHERE previous_event_id = ANY(ARRAY(SELECT event_id FROM followed)) AND NOT EXISTS (
      SELECT FROM unnest(event_nids) AS n(nid) WHERE nid NOT IN (SELECT event_nid FROM gone WHERE event_nid IS NOT NULL))
    RETURNING previous_event_id, event_nids),
  lists AS MATERIALIZED (
    SELECT previous_event_id, event_nids,
      ARRAY(SELECT nid FROM unnest(event_nids) WITH ORDINALITY AS n(nid, position)
        WHERE nid NOT IN (SELECT event_nid FROM gone WHERE event_nid IS NOT NULL) ORDER BY position) AS followers
    FROM public.roomserver_previous_events WHERE previous_event_id = ANY(ARRAY(
      SELECT event_id FROM followed EXCEPT SELECT previous_event_id FROM unlinked))),
  shortened AS (
    UPDATE public.roomserver_previous_events p SET event_nids = l.followers FROM lists l
    WHERE p.previous_event_id = l.previous_event_id AND l.followers <> l.event_nids),
  missed AS MATERIALIZED (
    SELECT event_nid, event_json FROM public.roomserver_event_json WHERE event_nid = ANY(ARRAY(
      SELECT event_nid FROM gone WHERE event_nid IS NOT NULL AND event_nid NOT IN (
        SELECT unnest(event_nids) FROM unlinked UNION ALL SELECT unnest(event_nids) FROM lists)))),
  followers AS MATERIALIZED (SELECT previous_event_id, unnest(followers) AS nid FROM lists),
  noted AS (
    INSERT INTO public.syncapi_backward_extremities (room_id, event_id, prev_event_id)
    SELECT :roomId, o.event_id, f.previous_event_id FROM followers f
    CROSS JOIN LATERAL (SELECT event_id FROM public.roomserver_events WHERE event_nid = f.nid OFFSET 0) e
    CROSS JOIN LATERAL (SELECT event_id FROM public.syncapi_output_room_events WHERE event_id = e.event_id OFFSET 0) o
    ON CONFLICT DO NOTHING)`;

/**
 * SQL that turns the events that stay stored into outliers. It also adds to the room's leftovers: these outliers, the state
 * snapshots before all events of the step, and the state blocks of these snapshots. The purge later deletes the leftovers that
 * nothing needs.
 */
const LEFT_OVER = `
  outliers AS (
    UPDATE public.roomserver_events SET sent_to_output = false, state_snapshot_nid = 0
    WHERE event_nid = ANY(ARRAY(SELECT event_nid FROM gone WHERE stays))),
  snapshots AS MATERIALIZED (
    SELECT state_snapshot_nid, state_block_nids FROM public.roomserver_state_snapshots
    WHERE state_snapshot_nid = ANY(ARRAY(SELECT DISTINCT state_snapshot_nid FROM gone)) AND cardinality(state_block_nids) > 0),
  leftovers AS (
    INSERT INTO matrix_admin.history_leftovers (room_nid, kind, nid, is_local)
    SELECT CAST(:roomNid AS bigint), 'event', event_nid, is_local FROM gone WHERE stays
    UNION ALL SELECT CAST(:roomNid AS bigint), 'snapshot', state_snapshot_nid, false FROM snapshots
    UNION ALL SELECT DISTINCT CAST(:roomNid AS bigint), 'block', unnest(state_block_nids), false FROM snapshots
    ON CONFLICT DO NOTHING)`;

const deletionsOf = (isLarge: boolean): { readonly table: string; readonly condition: string; readonly as: string }[] =>
  [...deletionsFromTimeline(isLarge), ...deletionsOfEvents({ ids: DELETED_EVENT_IDS, nids: DELETED_NIDS })].map(
    ([table, condition], n) => ({ table, condition, as: `deleted_${n}` }),
  );

const statement = (isLarge: boolean): string => `
  WITH places AS MATERIALIZED (${isLarge ? PLACES.large : PLACES.small}), ${GONE}, ${UNLINKED}, ${LEFT_OVER},
  invalidated AS (
    UPDATE public.roomserver_redactions SET validated = false
    WHERE redacts_event_id = ANY(${DELETED_EVENT_IDS}) AND validated
      AND NOT ${isAmong('redaction_event_id', 'SELECT event_id FROM gone WHERE is_deleted')}),
  ${deletionsOf(isLarge)
    .map(({ table, as, condition }) => `${as} AS (DELETE FROM ${table} WHERE ${condition} RETURNING 1)`)
    .join(', ')}
  SELECT (SELECT json_object_agg(type, ids) FROM (SELECT type, json_agg(event_id) AS ids FROM gone GROUP BY type) t) AS gone,
    (SELECT array_agg(event_json) FROM public.roomserver_event_json WHERE CAST(:withMediaTexts AS boolean)
      AND event_nid = ANY(${DELETED_NIDS}) AND ${contains('event_json')}) AS media_texts,
    (SELECT array_agg(event_nid::text) FROM missed) AS missed_nids,
    (SELECT array_agg(event_json) FROM missed) AS missed_json,
    (SELECT count(*)::int FROM places) AS places, last.depth, last.id,
    (SELECT count(*) FROM unlinked) AS unlinked,
    ${deletionsOf(isLarge)
      .map(({ as }) => `(SELECT count(*) FROM ${as}) AS ${as}`)
      .join(', ')}
  FROM (SELECT) AS one LEFT JOIN (SELECT depth, id FROM places ORDER BY depth DESC, id DESC LIMIT 1) AS last ON true`;

interface Row extends Record<string, unknown> {
  /** The ids of the events that have left the timeline, by type. One JSON text is far faster to read than an array of texts. */
  gone: Readonly<Record<string, EventId[]>> | null;
  media_texts: string[] | null;
  missed_nids: string[] | null;
  missed_json: string[] | null;
  places: number;
  depth: string | null;
  id: string | null;
  unlinked: string;
}

/**
 * Takes the next events of a room out of the timeline, in the order of their places, and deletes the rows that refer to them.
 * State events stay stored as outliers, which are events without a place in the timeline. Other events of local users also stay
 * stored as outliers, unless `deleteLocalEvents` is `true`. All other events are deleted. The step adds the outliers, and the
 * stored states before all of its events, to the table `matrix_admin.history_leftovers`.
 *
 * One statement does the work, because each statement that gets the ids of thousands of events costs milliseconds. The caller
 * must have locked the room.
 */
export async function removeNextEvents(
  transaction: Knex.Transaction,
  { roomId, roomNid }: RoomKeys,
  step: HistoryStep,
): Promise<HistoryStepResult> {
  const { after, before, limit, isLarge, deleteLocalEvents } = step;
  const end = isLarge ? await findEnd(transaction, step) : undefined;
  const [row] = await rowsOf<Row>(
    transaction.raw(statement(isLarge), {
      roomId,
      roomNid,
      limit,
      deleteLocalEvents,
      localServerNames: [...step.localServerNames],
      kept: [...step.kept],
      withMediaTexts: step.withMediaTexts,
      needle: 'mxc:',
      ...rangeOf(after, end ?? before),
    }),
  );
  if (row === undefined) throw new Error('the step has no result');
  const json = row.missed_json ?? [];
  return {
    gone: Object.entries(row.gone ?? {}).flatMap(([type, ids]) => ids.map((eventId) => ({ eventId, type }))),
    missed: (row.missed_nids ?? []).map((nid, i) => ({ eventNid: Number(nid), json: json[i] ?? '' })),
    mediaTexts: row.media_texts ?? [],
    deleted: countsOfRow(row, isLarge),
    next: isLarge ? end && beforeOf(end) : nextOf(row, limit),
  };
}

/** Finds the place before which a step with `isLarge` ends. Returns `undefined` for the last step. */
async function findEnd(
  transaction: Knex.Transaction,
  { after, before, limit }: HistoryStep,
): Promise<Place | undefined> {
  const [row] = await rowsOf<{ depth: string; id: string }>(
    transaction.raw(
      `SELECT t.topological_position AS depth, t.stream_position AS id FROM public.syncapi_output_room_events_topology t
       WHERE ${IN_RANGE} ORDER BY t.topological_position, t.stream_position OFFSET :limit LIMIT 1`,
      { limit, ...rangeOf(after, before) },
    ),
  );
  return row && { depth: row.depth, streamPosition: row.id };
}

/**
 * Returns the place just before the given place. If the next step begins after the returned place, the event at the given place
 * is the first event of that step.
 */
const beforeOf = ({ depth, streamPosition }: Place): Place => ({
  depth,
  streamPosition: String(BigInt(streamPosition) - 1n),
});

const nextOf = ({ places, depth, id }: Row, limit: number): Place | undefined =>
  places < limit || depth === null || id === null ? undefined : { depth, streamPosition: id };

function countsOfRow(row: Row, isLarge: boolean): RowCounts {
  const deleted = deletionsOf(isLarge).map(({ table, as }) => [table.replace(/^\w+\./, ''), Number(row[as])] as const);
  return Object.fromEntries([...deleted, ['roomserver_previous_events', Number(row.unlinked)]]);
}
