import type { Knex } from 'knex';
import type { RoomId, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { REPORT_STATUSES, type ReportPage, type ReportStatus, type TextFilter } from '../roomserver/event-reports.ts';
import { readNamedState, textOf } from '../syncapi/named-state.ts';

/** What a report in the table `matrix_admin.reports` can be about. Reports about events are in a table of Dendrite's. */
export const REPORT_KINDS = ['user', 'room'] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

/** A user's report about another user or about a room. Times are in ms since the epoch. */
export interface Report {
  readonly id: number;
  readonly receivedAt: number;
  /** Id of the reported user or room. */
  readonly reported: string;
  readonly reporter: UserId;
  readonly reason: string;
  readonly status: ReportStatus;
  /** The note of the administrator who last set the status. `null` if there is none. */
  readonly note: string | null;
  /** The administrator who last set the status. `null` if nobody has set it. */
  readonly changedBy: string | null;
  readonly changedAt: number | null;
}

/** A report about a room, with the room's current name, alias and topic. Each is `null` if the room has none. */
export interface RoomReport extends Report {
  readonly name: string | null;
  readonly canonicalAlias: string | null;
  readonly topic: string | null;
}

export interface ReportFilter {
  /** Compares the id of the reported user or room with a text: the whole id, or a part of the id. */
  readonly reported?: TextFilter | undefined;
  /** Compares the user id of the reporter with a text: the whole id, or a part of the id. */
  readonly reporter?: TextFilter | undefined;
  readonly status?: ReportStatus | undefined;
}

interface ReportRow {
  id: string;
  received_ms: number;
  reported: string;
  reporter: UserId;
  reason: string;
  status: ReportStatus;
  note: string | null;
  changed_by: string | null;
  changed_ms: number | null;
}

const COLUMN_OF = { user: 'user_id', room: 'room_id' } as const satisfies Record<ReportKind, string>;

const columnsOf = (
  kind: ReportKind,
): string => `id, ${COLUMN_OF[kind]} AS reported, reporter, reason, status, note, changed_by,
  (extract(epoch FROM received_at) * 1000)::float8 AS received_ms, (extract(epoch FROM changed_at) * 1000)::float8 AS changed_ms`;

const reportOf = (row: ReportRow): Report => ({
  id: Number(row.id),
  receivedAt: Math.floor(row.received_ms),
  reported: row.reported,
  reporter: row.reporter,
  reason: row.reason,
  status: row.status,
  note: row.note,
  changedBy: row.changed_by,
  changedAt: row.changed_ms === null ? null : Math.floor(row.changed_ms),
});

/** Returns an SQL condition: the report has this kind and passes the filter whose `bindingsOf()` are bound to the query. */
const matching = (kind: ReportKind): string => `${COLUMN_OF[kind]} IS NOT NULL
  AND (CAST(:reported AS text) IS NULL OR ${COLUMN_OF[kind]} = :reported
    OR (:reportedIsPart AND strpos(${COLUMN_OF[kind]}, :reported) > 0))
  AND (CAST(:reporter AS text) IS NULL OR reporter = :reporter OR (:reporterIsPart AND strpos(reporter, :reporter) > 0))
  AND (CAST(:status AS text) IS NULL OR status = :status)`;

const bindingsOf = ({ reported, reporter, status }: ReportFilter): Record<string, string | boolean | null> => ({
  reported: reported?.text ?? null,
  reportedIsPart: reported?.isPart ?? false,
  reporter: reporter?.text ?? null,
  reporterIsPart: reporter?.isPart ?? false,
  status: status ?? null,
});

/**
 * Lists a page of the reports of one kind that the filter selects. They are in the order of their ids, which is the order of
 * their arrival: the oldest first if `direction` is `f`, and otherwise the newest first.
 */
export async function listReports(
  db: Db,
  kind: ReportKind,
  filter: ReportFilter,
  { direction, after, offset, limit }: ReportPage,
): Promise<Report[]> {
  const [beyond, order] = direction === 'f' ? ['>', 'ASC'] : ['<', 'DESC'];
  const rows = await rowsOf<ReportRow>(
    db.raw(
      `SELECT ${columnsOf(kind)} FROM matrix_admin.reports
       WHERE ${matching(kind)} AND (CAST(:after AS bigint) IS NULL OR id ${beyond} :after)
       ORDER BY id ${order} OFFSET :offset LIMIT :limit`,
      { ...bindingsOf(filter), after: after ?? null, offset, limit },
    ),
  );
  return rows.map(reportOf);
}

/** Counts the reports of one kind that the filter selects. */
export async function countMatchingReports(db: Db, kind: ReportKind, filter: ReportFilter): Promise<number> {
  const [row] = await rowsOf<{ total: number }>(
    db.raw(`SELECT count(*)::int AS total FROM matrix_admin.reports WHERE ${matching(kind)}`, bindingsOf(filter)),
  );
  return row?.total ?? 0;
}

/** Finds a report by its id. Returns `undefined` if there is no such report, or if it is of another kind. */
export async function findReport(db: Db, kind: ReportKind, id: number): Promise<Report | undefined> {
  const [row] = await rowsOf<ReportRow>(
    db.raw(`SELECT ${columnsOf(kind)} FROM matrix_admin.reports WHERE id = ? AND ${COLUMN_OF[kind]} IS NOT NULL`, [id]),
  );
  return row && reportOf(row);
}

/** Adds the rooms' current names, aliases and topics to reports about rooms. */
export async function withRoomNames(db: Db, reports: readonly Report[]): Promise<RoomReport[]> {
  const roomIds = [...new Set(reports.map(({ reported }) => reported as RoomId))];
  const rooms = await readNamedState(db, roomIds, ['m.room.name', 'm.room.canonical_alias', 'm.room.topic']);
  return reports.map((report) => {
    const state = rooms.get(report.reported as RoomId);
    return {
      ...report,
      name: textOf(state?.get('m.room.name'), 'name'),
      canonicalAlias: textOf(state?.get('m.room.canonical_alias'), 'alias'),
      topic: textOf(state?.get('m.room.topic'), 'topic'),
    };
  });
}

/** A new report. */
export interface NewReport {
  /** Id of the reported user or room. */
  readonly reported: string;
  readonly reporter: UserId;
  readonly reason: string;
}

/** Adds a report. @returns the id of the report */
export async function insertReport(
  transaction: Knex.Transaction,
  kind: ReportKind,
  { reported, reporter, reason }: NewReport,
): Promise<number> {
  const [row] = await rowsOf<{ id: string }>(
    transaction.raw(
      `INSERT INTO matrix_admin.reports (${COLUMN_OF[kind]}, reporter, reason) VALUES (?, ?, ?) RETURNING id`,
      [reported, reporter, reason],
    ),
  );
  return Number(row?.id);
}

/** Sets the status and the note of a report, and stores who set them and when. @returns whether the report exists */
export async function updateReportStatus(
  transaction: Knex.Transaction,
  kind: ReportKind,
  id: number,
  change: { readonly status: ReportStatus; readonly note: string | null; readonly changedBy: string },
): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(
    transaction.raw(
      `UPDATE matrix_admin.reports SET status = :status, note = :note, changed_by = :changedBy, changed_at = clock_timestamp()
       WHERE id = :id AND ${COLUMN_OF[kind]} IS NOT NULL RETURNING id`,
      { id, ...change },
    ),
  );
  return rows.length > 0;
}

/** Deletes a report. @returns whether the report existed */
export async function deleteReport(transaction: Knex.Transaction, kind: ReportKind, id: number): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(
    transaction.raw(`DELETE FROM matrix_admin.reports WHERE id = ? AND ${COLUMN_OF[kind]} IS NOT NULL RETURNING id`, [
      id,
    ]),
  );
  return rows.length > 0;
}

/** Counts the reports of each kind and status. The result also has the kinds and statuses of which there are 0 reports. */
export async function countReports(db: Db): Promise<{ kind: ReportKind; status: ReportStatus; reports: number }[]> {
  const rows = await rowsOf<{ kind: ReportKind; status: ReportStatus; reports: number }>(
    db.raw(
      `SELECT CASE WHEN user_id IS NULL THEN 'room' ELSE 'user' END AS kind, status, count(*)::int AS reports
       FROM matrix_admin.reports GROUP BY 1, 2`,
    ),
  );
  return REPORT_KINDS.flatMap((kind) =>
    REPORT_STATUSES.map(
      (status) => rows.find((row) => row.kind === kind && row.status === status) ?? { kind, status, reports: 0 },
    ),
  );
}
