import type { StoredAuditEntry } from '../storage/plugin/audit.ts';
import { ACCOUNT_MODERATION_ROUTES } from './account-moderation-routes.ts';
import { ACCOUNT_ROUTES } from './account-routes.ts';
import { DEVICE_ROUTES } from './device-routes.ts';
import { EVENT_REPORT_ROUTES } from './event-report-routes.ts';
import { JOB_ROUTES } from './job-routes.ts';
import { NOTICE_ROUTES } from './notice-routes.ts';
import { REGISTRATION_ROUTES } from './registration-routes.ts';
import { REGISTRATION_TOKEN_ROUTES } from './registration-token-routes.ts';
import { ROOM_DELETION_ROUTES } from './room-deletion-routes.ts';
import { ROOM_ROUTES } from './room-routes.ts';
import { accepted, defineRoute, jobLocation, numberOf, page, type Route, timeOf } from './route.ts';
import { SYNAPSE_ROOM_ROUTES } from './synapse-room-routes.ts';
import { USER_ROUTES } from './user-routes.ts';
import { WHOIS_ROUTES } from './whois-routes.ts';

const ADMIN = '/_dendrite/admin';

/** The plugin answers unknown paths below these, unless `http.passUnknownPaths` is set. All other paths are the host's. */
export const PREFIXES: readonly string[] = ['/_dendrite/admin', '/_synapse/admin'];

const auditEntryBody = (entry: StoredAuditEntry): Record<string, unknown> => ({
  id: entry.id,
  ts: entry.at,
  operation: entry.operation,
  outcome: entry.outcome,
  actor: entry.actor,
  target: entry.target ?? null,
  job_id: entry.jobId ?? null,
  errcode: entry.errcode ?? null,
  request_id: entry.requestId,
  address: entry.address ?? null,
});

/** Every route, in one table: the router, the manifest and the documentation are made from it. */
export const ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/fulltext/reindex`,
    operation: 'reindexFulltext',
    input: () => ({}),
    respond: ({ jobId }, request) =>
      request.respondAsync ? accepted(jobId, request) : { status: 200, body: {}, headers: jobLocation(request, jobId) },
  }),
  defineRoute({
    method: 'POST',
    path: `${ADMIN}/fulltext/reindex`,
    operation: 'reindexFulltext',
    input: () => ({}),
    respond: ({ jobId }, request) => accepted(jobId, request),
  }),
  ...JOB_ROUTES,
  defineRoute({
    method: 'GET',
    path: `${ADMIN}/audit`,
    operation: 'listAudit',
    input: ({ query }) => ({
      operation: query.operation,
      outcome: query.outcome,
      actor: query.actor,
      target: query.target,
      since: timeOf(query.since),
      until: timeOf(query.until),
      limit: numberOf(query.limit),
      from: numberOf(query.from),
    }),
    respond: ({ entries, nextToken }) => page({ entries: entries.map(auditEntryBody) }, nextToken),
  }),
  ...ROOM_ROUTES,
  ...SYNAPSE_ROOM_ROUTES,
  ...ROOM_DELETION_ROUTES,
  ...NOTICE_ROUTES,
  ...ACCOUNT_ROUTES,
  ...DEVICE_ROUTES,
  ...USER_ROUTES,
  ...REGISTRATION_ROUTES,
  ...WHOIS_ROUTES,
  ...EVENT_REPORT_ROUTES,
  ...REGISTRATION_TOKEN_ROUTES,
  ...ACCOUNT_MODERATION_ROUTES,
];
