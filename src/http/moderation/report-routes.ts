import type { Report, RoomReport } from '../../storage/plugin/reports.ts';
import { defineRoute, numberOf, ok, type Route, type RouteRequest } from '../route.ts';

const USER_REPORTS = '/_synapse/admin/v1/user_reports';
const ROOM_REPORTS = '/_synapse/admin/v1/room_reports';

/**
 * Fields of a report about a user. A console that deletes a report sends the whole report as the body, so the route must ignore
 * these fields.
 */
const USER_REPORT_FIELDS =
  'id received_ts user_id reason status note status_changed_by status_changed_ts target_user_id'.split(' ');

const commonBody = (report: Report) => ({
  id: report.id,
  received_ts: report.receivedAt,
  user_id: report.reporter,
  reason: report.reason,
  status: report.status,
  note: report.note,
  status_changed_by: report.changedBy,
  status_changed_ts: report.changedAt,
});

const userReportBody = (report: Report) => ({
  ...commonBody(report),
  target_user_id: report.reported,
});

const roomReportBody = (report: RoomReport) => ({
  ...commonBody(report),
  room_id: report.reported,
  name: report.name,
  canonical_alias: report.canonicalAlias,
  topic: report.topic,
});

const pageOf = <Items extends object>(items: Items, nextToken: number | undefined) =>
  ok({ ...items, ...(nextToken !== undefined && { next_token: nextToken }) });

const reportIdOf = ({ params }: RouteRequest) => ({ reportId: numberOf(params.reportId) });
const statusOf = ({ params, body }: RouteRequest) => ({
  reportId: numberOf(params.reportId),
  status: body.status,
  note: body.note,
});

/** Reads the query parameters that the lists of user reports and room reports share. Ignores empty parameters. */
const filterOf = ({ query }: RouteRequest) => ({
  direction: query.dir || undefined,
  limit: numberOf(query.limit),
  from: numberOf(query.from),
  reporter: query.user_id || undefined,
  status: query.status || undefined,
});

/**
 * Routes for reports about users and about rooms. Synapse has the same routes for reports about users, but its reports have no
 * status. Synapse has no routes for reports about rooms. The plugin's routes for reports about rooms have the same form as the
 * routes for reports about users.
 */
export const REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: USER_REPORTS,
    operation: 'listUserReports',
    names: { direction: 'dir', reporter: 'user_id', reported: 'target_user_id' },
    input: (request) => ({ ...filterOf(request), reported: request.query.target_user_id || undefined }),
    respond: ({ reports, total, nextToken }) => pageOf({ user_reports: reports.map(userReportBody), total }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${USER_REPORTS}/:reportId`,
    operation: 'getUserReport',
    input: reportIdOf,
    respond: (report) => ok(userReportBody(report)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${USER_REPORTS}/:reportId`,
    operation: 'deleteUserReport',
    ignoredKeys: USER_REPORT_FIELDS,
    input: reportIdOf,
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'PUT',
    path: `${USER_REPORTS}/:reportId`,
    operation: 'setUserReportStatus',
    input: statusOf,
    respond: (report) => ok(userReportBody(report)),
  }),
  defineRoute({
    method: 'GET',
    path: ROOM_REPORTS,
    operation: 'listRoomReports',
    names: { direction: 'dir', reporter: 'user_id', reported: 'room_id' },
    input: (request) => ({ ...filterOf(request), reported: request.query.room_id || undefined }),
    respond: ({ reports, total, nextToken }) => pageOf({ room_reports: reports.map(roomReportBody), total }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${ROOM_REPORTS}/:reportId`,
    operation: 'getRoomReport',
    input: reportIdOf,
    respond: (report) => ok(roomReportBody(report)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${ROOM_REPORTS}/:reportId`,
    operation: 'deleteRoomReport',
    input: reportIdOf,
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'PUT',
    path: `${ROOM_REPORTS}/:reportId`,
    operation: 'setRoomReportStatus',
    input: statusOf,
    respond: (report) => ok(roomReportBody(report)),
  }),
];
