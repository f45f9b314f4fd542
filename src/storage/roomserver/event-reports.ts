import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import { readNamedState, textOf } from '../syncapi/named-state.ts';
import { assignNids } from './nids.ts';

export const REPORT_STATUSES = ['open', 'resolved'] as const;
export type ReportStatus = (typeof REPORT_STATUSES)[number];

/** A user's report about an event. `sender` is the sender of the reported event. Times are in ms since the epoch. */
export interface EventReport {
  readonly id: number;
  readonly receivedAt: number;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly reporter: UserId;
  readonly sender: UserId;
  readonly reason: string | null;
  readonly score: number | null;
  /** Name of the room. `null` if the room has none. */
  readonly name: string | null;
  /** Canonical alias of the room. `null` if the room has none. */
  readonly canonicalAlias: string | null;
  readonly status: ReportStatus;
  readonly note: string | null;
  /** The administrator who last set the status. `null` if nobody has set it. */
  readonly changedBy: string | null;
  readonly changedAt: number | null;
}

/** A report, with the reported event as the database stores it. `event` is `null` if its JSON is missing. */
export interface EventReportWithEvent extends EventReport {
  readonly event: EventJson | null;
}

export interface ReportFilter {
  /** The user id of the reporter, or a part of it. */
  readonly reporter?: TextFilter | undefined;
  /** The id of the room of the reported event, or a part of it. */
  readonly room?: TextFilter | undefined;
  /** The whole user id of the sender of the reported event. */
  readonly sender?: string | undefined;
  readonly status?: ReportStatus | undefined;
}

/** Matches a text that is equal to `text`. If `isPart` is `true`, also matches a text that contains `text`. */
export interface TextFilter {
  readonly text: string;
  readonly isPart: boolean;
}

export interface ReportPage {
  /** `f` lists reports in ascending order of their ids, `b` in descending order. */
  readonly direction: 'b' | 'f';
  /** Only reports that come after the report with this id in the chosen direction. @defaultValue all reports */
  readonly after?: number | undefined;
  /** Number of reports to skip. */
  readonly offset: number;
  readonly limit: number;
}

interface ReportRow {
  id: string;
  received_ts: string;
  room_id: RoomId;
  event_id: EventId;
  reporter: UserId;
  sender: UserId;
  reason: string | null;
  score: number | null;
  status: ReportStatus;
  note: string | null;
  changed_by: string | null;
  changed_ms: number | null;
}

const COLUMNS = `r.id, r.received_ts, room.room_id, e.event_id, reporter.event_state_key AS reporter,
  sender.event_state_key AS sender, r.reason, r.score, coalesce(s.status, 'open') AS status, s.note, s.changed_by,
  (extract(epoch FROM s.changed_at) * 1000)::float8 AS changed_ms`;

/**
 * Tables of a `FROM` clause: reports, and the rows to which they refer. The joins leave out reports whose room or event no
 * longer exists, because administrators can do nothing about such reports.
 */
const REPORTS = `public.roomserver_reported_events r
  JOIN public.roomserver_rooms room ON room.room_nid = r.room_nid
  JOIN public.roomserver_events e ON e.event_nid = r.event_nid
  JOIN public.roomserver_event_state_keys reporter ON reporter.event_state_key_nid = r.reporting_user_nid
  JOIN public.roomserver_event_state_keys sender ON sender.event_state_key_nid = r.event_sender_nid
  LEFT JOIN matrix_admin.event_report_statuses s ON s.report_id = r.id`;

const MATCHING = `(CAST(:reporter AS text) IS NULL OR reporter.event_state_key = :reporter
    OR (:reporterIsPart AND strpos(reporter.event_state_key, :reporter) > 0))
  AND (CAST(:room AS text) IS NULL OR room.room_id = :room OR (:roomIsPart AND strpos(room.room_id, :room) > 0))
  AND (CAST(:sender AS text) IS NULL OR sender.event_state_key = :sender)
  AND (CAST(:status AS text) IS NULL OR coalesce(s.status, 'open') = :status)`;

const bindingsOf = ({ reporter, room, sender, status }: ReportFilter): Record<string, string | boolean | null> => ({
  reporter: reporter?.text ?? null,
  reporterIsPart: reporter?.isPart ?? false,
  room: room?.text ?? null,
  roomIsPart: room?.isPart ?? false,
  sender: sender ?? null,
  status: status ?? null,
});

/**
 * Lists a page of the matching reports by their ids, in ascending or descending order. Reports get ascending ids as they
 * arrive. Leaves out reports whose room or event no longer exists.
 */
export async function readEventReports(
  db: Db,
  filter: ReportFilter,
  { direction, after, offset, limit }: ReportPage,
): Promise<EventReport[]> {
  const [beyond, order] = direction === 'f' ? ['>', 'ASC'] : ['<', 'DESC'];
  const rows = await rowsOf<ReportRow>(
    db.raw(
      `SELECT ${COLUMNS} FROM ${REPORTS}
       WHERE ${MATCHING} AND (CAST(:after AS bigint) IS NULL OR r.id ${beyond} :after)
       ORDER BY r.id ${order} OFFSET :offset LIMIT :limit`,
      { ...bindingsOf(filter), after: after ?? null, offset, limit },
    ),
  );
  return withRoomNames(db, rows);
}

/** Counts the matching reports, except those whose room or event no longer exists. */
export async function countEventReports(db: Db, filter: ReportFilter): Promise<number> {
  const [row] = await rowsOf<{ total: number }>(
    db.raw(`SELECT count(*)::int AS total FROM ${REPORTS} WHERE ${MATCHING}`, bindingsOf(filter)),
  );
  return row?.total ?? 0;
}

/** Counts the reports of each status, except those whose room or event no longer exists. */
export async function countReportsByStatus(db: Db): Promise<{ status: ReportStatus; reports: number }[]> {
  const rows = await rowsOf<{ status: ReportStatus; reports: number }>(
    db.raw(`SELECT coalesce(s.status, 'open') AS status, count(*)::int AS reports FROM ${REPORTS} GROUP BY 1`),
  );
  return REPORT_STATUSES.map((status) => rows.find((row) => row.status === status) ?? { status, reports: 0 });
}

export async function findEventReport(db: Db, id: number): Promise<EventReportWithEvent | undefined> {
  const [row] = await rowsOf<ReportRow & { event_json: string | null }>(
    db.raw(
      `SELECT ${COLUMNS}, j.event_json FROM ${REPORTS}
       LEFT JOIN public.roomserver_event_json j ON j.event_nid = r.event_nid WHERE r.id = ?`,
      [id],
    ),
  );
  if (row === undefined) return undefined;
  const [report] = await withRoomNames(db, [row]);
  const event = row.event_json === null ? null : (JSON.parse(row.event_json) as EventJson);
  return report && { ...report, event };
}

/** A new report. */
export interface NewReport {
  readonly reporter: UserId;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly reason: string;
  readonly score: number;
}

/** Adds a report. @returns the report's id; `undefined` if the room has no such event, or the event has been redacted */
export async function insertEventReport(
  transaction: Knex.Transaction,
  { reporter, roomId, eventId, reason, score }: NewReport,
): Promise<number | undefined> {
  const [event] = await rowsOf<{ room_nid: string; event_nid: string; event_json: string }>(
    transaction.raw(
      `SELECT e.room_nid, e.event_nid, j.event_json FROM public.roomserver_rooms r
       JOIN public.roomserver_events e ON e.room_nid = r.room_nid
       JOIN public.roomserver_event_json j ON j.event_nid = e.event_nid
       WHERE r.room_id = :roomId AND e.event_id = :eventId AND NOT EXISTS (
         SELECT FROM public.roomserver_redactions d WHERE d.redacts_event_id = e.event_id AND d.validated)`,
      { roomId, eventId },
    ),
  );
  if (event === undefined) return undefined;
  // This function does not let PostgreSQL parse the JSON, because events may contain NUL, which PostgreSQL's `jsonb` refuses.
  const { sender } = JSON.parse(event.event_json) as { sender: string };
  const { stateKeys: nids } = await assignNids(transaction, { stateKeys: [reporter, sender] });
  const [row] = await rowsOf<{ id: string }>(
    transaction.raw(
      `INSERT INTO public.roomserver_reported_events
         (room_nid, event_nid, reporting_user_nid, event_sender_nid, reason, score, received_ts)
       VALUES (?, ?, ?, ?, ?, ?, floor(extract(epoch FROM clock_timestamp()) * 1000)) RETURNING id`,
      [event.room_nid, event.event_nid, nids.get(reporter) ?? 0, nids.get(sender) ?? 0, reason, score],
    ),
  );
  return Number(row?.id);
}

/** Deletes a report and its status, even if its room or event no longer exists. @returns whether the report existed */
export async function removeEventReport(db: Db, id: number): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(
    db.raw(
      `WITH status AS (DELETE FROM matrix_admin.event_report_statuses WHERE report_id = :id)
       DELETE FROM public.roomserver_reported_events WHERE id = :id RETURNING id`,
      { id },
    ),
  );
  return rows.length > 0;
}

async function withRoomNames(db: Db, rows: readonly ReportRow[]): Promise<EventReport[]> {
  const roomIds = [...new Set(rows.map((row) => row.room_id))];
  const rooms = await readNamedState(db, roomIds, ['m.room.name', 'm.room.canonical_alias']);
  return rows.map((row) => ({
    id: Number(row.id),
    receivedAt: Number(row.received_ts),
    roomId: row.room_id,
    eventId: row.event_id,
    reporter: row.reporter,
    sender: row.sender,
    reason: row.reason,
    score: row.score,
    name: textOf(rooms.get(row.room_id)?.get('m.room.name'), 'name'),
    canonicalAlias: textOf(rooms.get(row.room_id)?.get('m.room.canonical_alias'), 'alias'),
    status: row.status,
    note: row.note,
    changedBy: row.changed_by,
    changedAt: row.changed_ms === null ? null : Math.floor(row.changed_ms),
  }));
}
