import type { EventReport, EventReportWithEvent } from '../../storage/roomserver/event-reports.ts';
import { defineRoute, numberOf, ok, type Route } from '../route.ts';

const REPORTS = '/_synapse/admin/v1/event_reports';

/**
 * Fields of a report. To delete a report, the console Ketesa sends the whole report as the body, so the route must ignore these
 * fields.
 */
const FIELDS = (
  'id received_ts room_id event_id user_id sender reason score name canonical_alias status note status_changed_by ' +
  'status_changed_ts event_json'
).split(' ');

const reportBody = (report: EventReport) => ({
  id: report.id,
  received_ts: report.receivedAt,
  room_id: report.roomId,
  event_id: report.eventId,
  user_id: report.reporter,
  sender: report.sender,
  reason: report.reason,
  score: report.score,
  name: report.name,
  canonical_alias: report.canonicalAlias,
  status: report.status,
  note: report.note,
  status_changed_by: report.changedBy,
  status_changed_ts: report.changedAt,
});

const wholeReport = (report: EventReportWithEvent) => ({
  ...reportBody(report),
  event_json: report.event,
});

/**
 * Synapse's routes for event reports. The plugin adds a status and a note to each report, and a `PUT` route that sets them. The
 * list ignores empty query parameters.
 */
export const EVENT_REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: REPORTS,
    operation: 'listEventReports',
    names: { direction: 'dir', reporter: 'user_id', sender: 'event_sender_user_id' },
    input: ({ query }) => ({
      direction: query.dir || undefined,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
      reporter: query.user_id || undefined,
      roomId: query.room_id || undefined,
      sender: query.event_sender_user_id || undefined,
      status: query.status || undefined,
    }),
    respond: ({ reports, total, nextToken }) =>
      ok({ event_reports: reports.map(reportBody), total, ...(nextToken !== undefined && { next_token: nextToken }) }),
  }),
  defineRoute({
    method: 'GET',
    path: `${REPORTS}/:reportId`,
    operation: 'getEventReport',
    input: ({ params }) => ({ reportId: numberOf(params.reportId) }),
    respond: (report) => ok(wholeReport(report)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${REPORTS}/:reportId`,
    operation: 'deleteEventReport',
    ignoredKeys: FIELDS,
    input: ({ params }) => ({ reportId: numberOf(params.reportId) }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'PUT',
    path: `${REPORTS}/:reportId`,
    operation: 'setEventReportStatus',
    input: ({ params, body }) => ({ reportId: numberOf(params.reportId), status: body.status, note: body.note }),
    respond: (report) => ok(wholeReport(report)),
  }),
];
