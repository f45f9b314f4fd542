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

/** @throws MatrixError `M_NOT_FOUND` */
function noSuchReport(): never {
  throw new MatrixError('M_NOT_FOUND', 'Event report not found');
}

/** @throws MatrixError `M_NOT_FOUND` */
async function requireEventReport(db: Db, id: number): Promise<EventReportWithEvent> {
  return (await findEventReport(db, id)) ?? noSuchReport();
}

/**
 * Lists event reports, page by page. `nextToken` continues after the last report of the page, even if others were added or
 * deleted in the meantime.
 * Dendrite: `GET /_synapse/admin/v1/event_reports`, which fails if an event is reported twice or a room has been purged.
 */
export const listEventReports = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** `b`: newest first; `f`: oldest first. @defaultValue `b` */
    direction: reportPageInput.direction,
    /** Maximum number of reports on the page. @defaultValue 100 */
    limit: reportPageInput.limit,
    /** `nextToken` of the previous page, or the number of reports to skip. @defaultValue 0 */
    from: reportPageInput.from,
    /** Filter by reporter: a user id or a part of one. */
    reporter: reportPageInput.reporter,
    /** Filter by room: a room id or a part of one. */
    roomId: partOfIdInput,
    /** Filter by sender of the event. */
    sender: userIdInput.optional(),
    /** Filter by status. @defaultValue both */
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

/** Shows a report and its event. Dendrite: `GET /_synapse/admin/v1/event_reports/{id}`, which answers `500` for unknown ids. */
export const getEventReport = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the report. */
    reportId: reportIdInput,
  }),
  run: async ({ db }, { reportId }): Promise<EventReportWithEvent> => requireEventReport(db, reportId),
});

/** Resolves a report, or opens it again. The note replaces the earlier note. */
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

/** Deletes a report. The event stays. Dendrite: `DELETE /_synapse/admin/v1/event_reports/{id}`. */
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
