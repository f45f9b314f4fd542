import type { OperationsIn } from '../define-operation.ts';
import { sendServerNotice } from './send-server-notice.ts';
import { sendServerNotices } from './send-server-notices.ts';

/** The notice operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
export type NoticeOperations = OperationsIn<
  typeof import('./send-server-notice.ts') & typeof import('./send-server-notices.ts')
>;

export const NOTICE_OPERATIONS: NoticeOperations = {
  sendServerNotice,
  sendServerNotices,
};
