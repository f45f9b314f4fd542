import type { StoredAuditEntry } from '../../storage/plugin/audit.ts';
import { defineRoute, numberOf, page, type Route, timeOf } from '../route.ts';

const auditEntryBody = (entry: StoredAuditEntry) => ({
  id: entry.id,
  ts: entry.at,
  operation: entry.operation,
  outcome: entry.outcome,
  actor: entry.actor,
  target: entry.target ?? null,
  job_id: entry.jobId ?? null,
  errcode: entry.errcode ?? null,
  approval_id: entry.approvalId ?? null,
  request_id: entry.requestId,
  address: entry.address ?? null,
});

/** The route that lists the entries of the audit, which records who called which operation. */
export const AUDIT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/_dendrite/admin/audit',
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
];
