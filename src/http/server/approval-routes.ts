import { defineRoute, numberOf, okOf, page, type Route, wireForm } from '../route.ts';

const APPROVALS = '/_dendrite/admin/approvals';

/** Routes for calls that need a second administrator: they list such calls, and approve or deny them. */
export const APPROVAL_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: APPROVALS,
    operation: 'listApprovals',
    input: ({ query }) => ({
      state: query.state,
      target: query.target,
      limit: numberOf(query.limit),
      from: query.from,
    }),
    respond: ({ approvals, nextToken }) => page({ approvals: wireForm(approvals) }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${APPROVALS}/:approvalId`,
    operation: 'getApproval',
    input: ({ params }) => ({ approvalId: params.approvalId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${APPROVALS}/:approvalId`,
    operation: 'decideApproval',
    input: ({ params, body }) => ({ approvalId: params.approvalId, decision: body.decision, reason: body.reason }),
    respond: okOf,
  }),
];
