import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isRoomId, isUserId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { storeReportStatus } from '../../storage/plugin/event-report-statuses.ts';
import {
  countEventReports,
  deleteEventReport as deleteReport,
  type EventReport,
  type EventReportWithEvent,
  findEventReport,
  listEventReports as queryReports,
  REPORT_STATUSES,
  type TextFilter,
} from '../../storage/roomserver/event-reports.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { userIdInput } from '../users/user-id-input.ts';

/** The id of an event report, as an operation takes it. */
const reportIdInput = z.int().min(0);

/** @throws MatrixError `M_NOT_FOUND` */
function noSuchReport(): never {
  throw new MatrixError('M_NOT_FOUND', 'Event report not found');
}

/** @throws MatrixError `M_NOT_FOUND` */
async function requireEventReport(db: Db, id: number): Promise<EventReportWithEvent> {
  return (await findEventReport(db, id)) ?? noSuchReport();
}

/** A `from` below this number skips so many reports. A `from` at or above it names the report after which the page starts. */
const FIRST_TOKEN = 1_000_000_000_000;

const text = z.string().min(1).max(255).optional();

/** A complete id matches exactly. Anything else matches ids that contain it, as in Synapse. */
const filterBy = (value: string | undefined, isId: (id: string) => boolean): TextFilter | undefined =>
  value === undefined ? undefined : { text: value, isPart: !isId(value) };

/**
 * A page of event reports. `nextToken` continues after the last report shown, even if reports come or go meanwhile.
 * Dendrite: `GET /_synapse/admin/v1/event_reports`, which fails if an event is reported twice or a room has been purged.
 */
export const listEventReports = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    /** `b`: newest first; `f`: oldest first. */
    direction: z.enum(['b', 'f']).default('b'),
    limit: z.int().min(0).max(1_000).default(100),
    /** `nextToken` of the page before, or how many reports to leave out. */
    from: z.int().min(0).default(0),
    /** Filter by reporter: a user id or a part of one. */
    reporter: text,
    /** Filter by room: a room id or a part of one. */
    roomId: text,
    /** Filter by sender of the event. */
    sender: userIdInput.optional(),
    status: z.enum(REPORT_STATUSES).optional(),
  }),
  run: async (
    { db },
    { direction, limit, from, reporter, roomId, sender, status },
  ): Promise<{ reports: EventReport[]; total: number; nextToken: number | undefined }> => {
    const filter = { reporter: filterBy(reporter, isUserId), room: filterBy(roomId, isRoomId), sender, status };
    const start = from < FIRST_TOKEN ? { offset: from } : { offset: 0, after: from - FIRST_TOKEN };
    const found = await queryReports(db, filter, { direction, ...start, limit: limit + 1 });
    const reports = found.slice(0, limit);
    const last = reports.at(-1);
    return {
      reports,
      total: await countEventReports(db, filter),
      nextToken: found.length <= limit ? undefined : last === undefined ? from : FIRST_TOKEN + last.id,
    };
  },
});

/** A report with the event. Dendrite: `GET /_synapse/admin/v1/event_reports/{id}`, where a missing one is a `500`. */
export const getEventReport = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ reportId: reportIdInput }),
  run: async ({ db }, { reportId }): Promise<EventReportWithEvent> => requireEventReport(db, reportId),
});

/** Resolves a report, or opens it again. The note replaces the earlier note. */
export const setEventReportStatus = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({
    reportId: reportIdInput,
    status: z.enum(REPORT_STATUSES),
    note: z.string().max(1_000).nullable().default(null),
  }),
  target: ({ reportId }) => String(reportId),
  run: async ({ transaction, actor }, { reportId, status, note }): Promise<EventReportWithEvent> => {
    await requireEventReport(transaction, reportId);
    await storeReportStatus(transaction, reportId, { status, note, changedBy: nameOf(actor) });
    return requireEventReport(transaction, reportId);
  },
});

/** Deletes a report, not the event. Dendrite: `DELETE /_synapse/admin/v1/event_reports/{id}`. */
export const deleteEventReport = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ reportId: reportIdInput }),
  target: ({ reportId }) => String(reportId),
  run: async ({ transaction }, { reportId }): Promise<void> => {
    if (!(await deleteReport(transaction, reportId))) noSuchReport();
  },
});
