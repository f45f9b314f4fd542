import { z } from 'zod';
import { storeReportStatus } from '../storage/plugin/event-report-statuses.ts';
import { type EventReportWithEvent, REPORT_STATUSES } from '../storage/roomserver/event-reports.ts';
import { nameOf } from './actor.ts';
import { defineOperation } from './define-operation.ts';
import { reportIdInput, requireEventReport } from './event-report.ts';

/** Resolves a report, or opens it again. The note replaces that of before. */
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
