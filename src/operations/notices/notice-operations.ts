import type { OperationsIn } from '../define-operation.ts';
import { sendServerNotice } from './send-server-notice.ts';
import { sendServerNotices } from './send-server-notices.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type NoticeOperations = OperationsIn<
  typeof import('./send-server-notice.ts') & typeof import('./send-server-notices.ts')
>;

export const NOTICE_OPERATIONS: NoticeOperations = {
  sendServerNotice,
  sendServerNotices,
};
