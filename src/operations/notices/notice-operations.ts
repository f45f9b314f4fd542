import { sendServerNotice } from './send-server-notice.ts';
import { sendServerNotices } from './send-server-notices.ts';

export const NOTICE_OPERATIONS = {
  sendServerNotice,
  sendServerNotices,
};
