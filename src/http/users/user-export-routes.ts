import { defineRoute, numberOf, okOf, page, type Route } from '../route.ts';

const EXPORT = '/_dendrite/admin/userExports/:jobId';

/** Routes that export the data of a user, and that read the export page by page or as one file. */
export const USER_EXPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/exportUser/:userId',
    operation: 'exportUser',
    input: ({ params }) => ({ userId: params.userId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: EXPORT,
    operation: 'readUserExport',
    input: ({ params, query }) => ({ jobId: params.jobId, from: numberOf(query.from) }),
    respond: ({ userId, records, nextToken }) => page({ user_id: userId, records }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${EXPORT}/file`,
    operation: 'readUserExport',
    input: ({ params }) => ({ jobId: params.jobId }),
    respond: ({ lines }, { params }) => ({
      status: 200,
      headers: { 'Content-Disposition': `attachment; filename="${params.jobId}.ndjson"` },
      lines,
    }),
  }),
];
