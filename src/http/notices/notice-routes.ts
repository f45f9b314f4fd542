import type { Config } from '../../config.ts';
import { defineRoute, ok, okOf, type Route, type RouteRequest } from '../route.ts';

const NOTICE = '/_synapse/admin/v1/send_server_notice';

const isOn = ({ serverNotices }: Config): boolean => serverNotices !== false;
const noticeOf = ({ body }: RouteRequest) => ({
  type: body.type,
  stateKey: body.state_key,
  content: body.content,
});

/** Routes that send server notices. These routes exist only if `serverNotices` is configured. */
export const NOTICE_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: NOTICE,
    operation: 'sendServerNotice',
    isOn,
    input: (request) => ({ ...noticeOf(request), userId: request.body.user_id, transactionId: undefined }),
    respond: ({ eventId }) => ok({ event_id: eventId }),
  }),
  defineRoute({
    method: 'PUT',
    path: `${NOTICE}/:txnId`,
    operation: 'sendServerNotice',
    isOn,
    names: { transactionId: 'txnId' },
    input: (request) => ({
      ...noticeOf(request),
      userId: request.body.user_id,
      transactionId: request.params.txnId,
    }),
    respond: ({ eventId }) => ok({ event_id: eventId }),
  }),
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/serverNotices',
    operation: 'sendServerNotices',
    isOn,
    input: (request) => ({
      ...noticeOf(request),
      userIds: request.body.user_ids,
      dryRun: request.body.dry_run,
    }),
    respond: okOf,
  }),
];
