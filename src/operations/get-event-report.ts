import { z } from 'zod';
import type { EventReportWithEvent } from '../storage/roomserver/event-reports.ts';
import { defineOperation } from './define-operation.ts';
import { reportIdInput, requireEventReport } from './event-report.ts';

/** A report with the event. Dendrite: `GET /_synapse/admin/v1/event_reports/{id}`, where a missing one is a `500`. */
export const getEventReport = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ reportId: reportIdInput }),
  run: async ({ db }, { reportId }): Promise<EventReportWithEvent> => requireEventReport(db, reportId),
});
