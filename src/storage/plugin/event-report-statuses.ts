import type { Knex } from 'knex';
import type { ReportStatus } from '../roomserver/event-reports.ts';

/**
 * Stores the status of a report about an event, the note about it, and the administrator who set them. Dendrite's table of
 * reports has no such columns. Also deletes the statuses of reports that no longer exist, for example because their room was
 * purged.
 */
export async function storeReportStatus(
  transaction: Knex.Transaction,
  reportId: number,
  change: { readonly status: ReportStatus; readonly note: string | null; readonly changedBy: string },
): Promise<void> {
  await transaction.raw(
    `INSERT INTO matrix_admin.event_report_statuses (report_id, status, note, changed_by)
     VALUES (:reportId, :status, :note, :changedBy)
     ON CONFLICT (report_id) DO UPDATE SET status = excluded.status, note = excluded.note,
       changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
    { reportId, ...change },
  );
  await transaction.raw(
    `DELETE FROM matrix_admin.event_report_statuses s
     WHERE NOT EXISTS (SELECT FROM public.roomserver_reported_events r WHERE r.id = s.report_id)`,
  );
}
