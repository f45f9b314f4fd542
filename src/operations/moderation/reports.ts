import { MatrixError } from '../../errors.ts';
import { isRoomId, isUserId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import {
  countMatchingReports,
  deleteReport,
  findReport,
  listReports,
  type Report,
  type ReportKind,
  updateReportStatus,
  withRoomNames,
} from '../../storage/plugin/reports.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import {
  filterBy,
  pageOf,
  partOfIdInput,
  rangeOf,
  reportIdInput,
  reportPageInput,
  reportStatusInput,
} from './report-pages.ts';

/** What differs between reports about users and reports about rooms. */
interface ReportSubject<Shown extends Report> {
  readonly kind: ReportKind;
  readonly isId: (id: string) => boolean;
  /** Name of this kind of report, for error messages. */
  readonly name: string;
  /** Adds to each report the data about the reported user or room that the operations show. */
  readonly show: (db: Db, reports: readonly Report[]) => Promise<Shown[]>;
}

/** Defines the operations on reports about users or about rooms. */
function reportOperations<Shown extends Report>({ kind, isId, name, show }: ReportSubject<Shown>) {
  const noSuchReport = (): MatrixError => new MatrixError('M_NOT_FOUND', `${name} not found`);
  const requireReport = async (db: Db, id: number): Promise<Shown> => {
    const found = await findReport(db, kind, id);
    const [shown] = found === undefined ? [] : await show(db, [found]);
    if (shown === undefined) throw noSuchReport();
    return shown;
  };
  return {
    list: defineOperation({
      access: 'admin',
      effect: 'read',
      input: inputObject({
        /** `b` lists the newest reports first. `f` lists the oldest first. @defaultValue `b` */
        direction: reportPageInput.direction,
        /** Maximum number of reports on the page. @defaultValue 100 */
        limit: reportPageInput.limit,
        /** `nextToken` of the previous page, or the number of reports to skip. @defaultValue 0 */
        from: reportPageInput.from,
        /** Only reports by this user. The value is a user id or a part of a user id. @defaultValue all reports */
        reporter: reportPageInput.reporter,
        /** Only reports with this status. @defaultValue all reports */
        status: reportPageInput.status,
        /** Only reports about this user or room. The value is an id or a part of an id. @defaultValue all reports */
        reported: partOfIdInput,
      }),
      run: async (
        { db },
        { reporter, reported, status, ...page },
      ): Promise<{ reports: Shown[]; total: number; nextToken: number | undefined }> => {
        const filter = { reporter: filterBy(reporter, isUserId), reported: filterBy(reported, isId), status };
        const found = await listReports(db, kind, filter, rangeOf(page));
        const { reports, nextToken } = pageOf(found, page);
        return {
          reports: await show(db, reports),
          total: await countMatchingReports(db, kind, filter),
          nextToken,
        };
      },
    }),
    get: defineOperation({
      access: 'admin',
      effect: 'read',
      input: inputObject({
        /** The id of the report. */
        reportId: reportIdInput,
      }),
      run: async ({ db }, { reportId }): Promise<Shown> => requireReport(db, reportId),
    }),
    setStatus: defineOperation({
      access: 'admin',
      effect: 'write',
      input: inputObject({
        /** The id of the report. */
        reportId: reportStatusInput.reportId,
        /** The new status. */
        status: reportStatusInput.status,
        /** A note for other administrators. @defaultValue no note */
        note: reportStatusInput.note,
      }),
      target: ({ reportId }) => String(reportId),
      run: async ({ transaction, actor }, { reportId, ...change }): Promise<Shown> => {
        const isThere = await updateReportStatus(transaction, kind, reportId, { ...change, changedBy: nameOf(actor) });
        if (!isThere) throw noSuchReport();
        return requireReport(transaction, reportId);
      },
    }),
    remove: defineOperation({
      access: 'admin',
      effect: 'write',
      input: inputObject({
        /** The id of the report. */
        reportId: reportIdInput,
      }),
      target: ({ reportId }) => String(reportId),
      run: async ({ transaction }, { reportId }): Promise<void> => {
        if (!(await deleteReport(transaction, kind, reportId))) throw noSuchReport();
      },
    }),
  };
}

const userReports = reportOperations({
  kind: 'user',
  isId: isUserId,
  name: 'User report',
  show: async (_db, reports) => [...reports],
});

/** Lists reports about users, page by page. Synapse's route is `GET /_synapse/admin/v1/user_reports`. */
export const listUserReports = userReports.list;
/**
 * Shows one report about a user.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const getUserReport = userReports.get;
/**
 * Marks a report about a user as resolved, or opens the report again. The note replaces the earlier note, also if the call has
 * no note.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const setUserReportStatus = userReports.setStatus;
/**
 * Deletes a report about a user. The user stays.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const deleteUserReport = userReports.remove;

const roomReports = reportOperations({ kind: 'room', isId: isRoomId, name: 'Room report', show: withRoomNames });

/**
 * Lists reports about rooms, page by page, with the current names of the rooms. When a room is purged, the reports about the
 * room are deleted.
 */
export const listRoomReports = roomReports.list;
/**
 * Shows one report about a room.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const getRoomReport = roomReports.get;
/**
 * Marks a report about a room as resolved, or opens the report again. The note replaces the earlier note, also if the call has
 * no note.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const setRoomReportStatus = roomReports.setStatus;
/**
 * Deletes a report about a room. The room stays.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const deleteRoomReport = roomReports.remove;
