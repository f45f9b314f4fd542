import { MatrixError } from '../../errors.ts';
import { isRoomId, isUserId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { storeReportStatus } from '../../storage/plugin/event-report-statuses.ts';
import {
  countEventReports,
  type EventReport,
  type EventReportWithEvent,
  findEventReport,
  readEventReports,
  removeEventReport,
} from '../../storage/roomserver/event-reports.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userIdInput } from '../users/user-id-input.ts';
import {
  filterBy,
  pageOf,
  partOfIdInput,
  rangeOf,
  reportIdInput,
  reportPageInput,
  reportStatusInput,
} from './report-pages.ts';

function noSuchReport(): never {
  throw new MatrixError('M_NOT_FOUND', 'Event report not found');
}

/** Finds a report. @throws MatrixError `M_NOT_FOUND` if there is no such report */
async function requireEventReport(db: Db, id: number): Promise<EventReportWithEvent> {
  return (await findEventReport(db, id)) ?? noSuchReport();
}

/**
 * Lists reports about events, page by page. `nextToken` leads to the reports after the last report of the page, even if reports
 * were added or deleted in the meantime. Dendrite's route is `GET /_synapse/admin/v1/event_reports`. Unlike this operation,
 * Dendrite's route fails if an event was reported twice or a room was purged.
 */
export const listEventReports = defineOperation({
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
    /** Only reports about events in this room. The value is a room id or a part of a room id. @defaultValue all reports */
    roomId: partOfIdInput,
    /** Only reports about events of this sender. @defaultValue all reports */
    sender: userIdInput.optional(),
    /** Only reports with this status. @defaultValue all reports */
    status: reportPageInput.status,
  }),
  run: async (
    { db },
    { reporter, roomId, sender, status, ...page },
  ): Promise<{ reports: EventReport[]; total: number; nextToken: number | undefined }> => {
    const filter = { reporter: filterBy(reporter, isUserId), room: filterBy(roomId, isRoomId), sender, status };
    const found = await readEventReports(db, filter, rangeOf(page));
    return { ...pageOf(found, page), total: await countEventReports(db, filter) };
  },
});

/**
 * Shows a report and its event. Dendrite's route is `GET /_synapse/admin/v1/event_reports/{id}`. Unlike this operation,
 * Dendrite answers `500` for unknown ids.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const getEventReport = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the report. */
    reportId: reportIdInput,
  }),
  run: async ({ db }, { reportId }): Promise<EventReportWithEvent> => requireEventReport(db, reportId),
});

/**
 * Marks a report as resolved, or opens the report again. The note replaces the earlier note, also if the call has no note.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const setEventReportStatus = defineOperation({
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
  run: async ({ transaction, actor }, { reportId, status, note }): Promise<EventReportWithEvent> => {
    await requireEventReport(transaction, reportId);
    await storeReportStatus(transaction, reportId, { status, note, changedBy: nameOf(actor) });
    return requireEventReport(transaction, reportId);
  },
});

/**
 * Deletes a report. The reported event stays. Dendrite's route is `DELETE /_synapse/admin/v1/event_reports/{id}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such report
 */
export const deleteEventReport = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The id of the report. */
    reportId: reportIdInput,
  }),
  target: ({ reportId }) => String(reportId),
  run: async ({ transaction }, { reportId }): Promise<void> => {
    if (!(await removeEventReport(transaction, reportId))) noSuchReport();
  },
});
