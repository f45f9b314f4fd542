import type { OperationsIn } from '../define-operation.ts';
import { sendServerNotice } from './send-server-notice.ts';
import { sendServerNotices } from './send-server-notices.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type NoticeOperations = OperationsIn<
  typeof import('./send-server-notice.ts') & typeof import('./send-server-notices.ts')
>;

export const NOTICE_OPERATIONS: NoticeOperations = {
  sendServerNotice,
  sendServerNotices,
};
