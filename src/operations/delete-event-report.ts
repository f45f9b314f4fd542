import { z } from 'zod';
import { deleteEventReport as deleteReport } from '../storage/roomserver/event-reports.ts';
import { defineOperation } from './define-operation.ts';
import { noSuchReport, reportIdInput } from './event-report.ts';

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
