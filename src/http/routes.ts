import { BULK_ROUTES } from './bulk/bulk-routes.ts';
import { DESTINATION_ROUTES } from './federation/destination-routes.ts';
import { MEDIA_DELETION_ROUTES } from './media/media-deletion-routes.ts';
import { MEDIA_QUARANTINE_ROUTES } from './media/media-quarantine-routes.ts';
import { MEDIA_ROUTES } from './media/media-routes.ts';
import { ACCOUNT_RESTRICTION_ROUTES } from './moderation/account-restriction-routes.ts';
import { BLOCKED_ROOM_ROUTES } from './moderation/blocked-room-routes.ts';
import { EVENT_REPORT_ROUTES } from './moderation/event-report-routes.ts';
import { MODERATED_ROOM_ROUTES } from './moderation/moderated-room-routes.ts';
import { REPORT_ROUTES } from './moderation/report-routes.ts';
import { NOTICE_ROUTES } from './notices/notice-routes.ts';
import { REGISTRATION_ROUTES } from './registration/registration-routes.ts';
import { REGISTRATION_TOKEN_ROUTES } from './registration/registration-token-routes.ts';
import { ABANDONED_ROOM_ROUTES } from './rooms/abandoned-room-routes.ts';
import { HISTORY_ROUTES } from './rooms/history-routes.ts';
import { RETENTION_ROUTES } from './rooms/retention-routes.ts';
import { ROOM_DELETION_ROUTES } from './rooms/room-deletion-routes.ts';
import { ROOM_DETAIL_ROUTES } from './rooms/room-detail-routes.ts';
import { ROOM_MEMBERSHIP_ROUTES } from './rooms/room-membership-routes.ts';
import { ROOM_ROUTES } from './rooms/room-routes.ts';
import { ROOM_TIMELINE_ROUTES } from './rooms/room-timeline-routes.ts';
import type { Route } from './route.ts';
import { SEARCH_ROUTES } from './search/search-routes.ts';
import { APPROVAL_ROUTES } from './server/approval-routes.ts';
import { AUDIT_ROUTES } from './server/audit-routes.ts';
import { JOB_ROUTES } from './server/job-routes.ts';
import { OPENAPI_ROUTES } from './server/openapi-routes.ts';
import { SUMMARY_ROUTES } from './server/summary-routes.ts';
import { TASK_ROUTES } from './server/task-routes.ts';
import { VERSION_ROUTES } from './server/version-routes.ts';
import { STATISTICS_ROUTES } from './statistics/statistics-routes.ts';
import { ACCOUNT_STANDING_ROUTES } from './users/account-standing-routes.ts';
import { DEVICE_ROUTES } from './users/device-routes.ts';
import { FIND_USER_ROUTES } from './users/find-user-routes.ts';
import { PASSWORD_ROUTES } from './users/password-routes.ts';
import { USER_DETAIL_ROUTES } from './users/user-detail-routes.ts';
import { USER_EXPORT_ROUTES } from './users/user-export-routes.ts';
import { USER_REDACTION_ROUTES } from './users/user-redaction-routes.ts';
import { USER_ROOM_ROUTES } from './users/user-room-routes.ts';
import { USER_ROUTES } from './users/user-routes.ts';
import { WHOIS_ROUTES } from './users/whois-routes.ts';

/**
 * The plugin answers unknown paths below these prefixes, unless `http.passUnknownPaths` is set. All other paths belong to the
 * host.
 */
export const PREFIXES: readonly string[] = ['/_dendrite/admin', '/_synapse/admin'];

/** All routes. The router, the manifest and the documentation are made from this table. */
export const ROUTES: readonly Route[] = [
  ...SEARCH_ROUTES,
  ...JOB_ROUTES,
  ...AUDIT_ROUTES,
  ...APPROVAL_ROUTES,
  ...VERSION_ROUTES,
  ...OPENAPI_ROUTES,
  ...SUMMARY_ROUTES,
  ...TASK_ROUTES,
  ...ROOM_ROUTES,
  ...ROOM_DETAIL_ROUTES,
  ...ROOM_TIMELINE_ROUTES,
  ...ROOM_MEMBERSHIP_ROUTES,
  ...ROOM_DELETION_ROUTES,
  ...HISTORY_ROUTES,
  ...RETENTION_ROUTES,
  ...ABANDONED_ROOM_ROUTES,
  ...BLOCKED_ROOM_ROUTES,
  ...MODERATED_ROOM_ROUTES,
  ...NOTICE_ROUTES,
  ...PASSWORD_ROUTES,
  ...USER_ROUTES,
  ...USER_DETAIL_ROUTES,
  ...ACCOUNT_STANDING_ROUTES,
  ...FIND_USER_ROUTES,
  ...USER_ROOM_ROUTES,
  ...USER_REDACTION_ROUTES,
  ...USER_EXPORT_ROUTES,
  ...DEVICE_ROUTES,
  ...WHOIS_ROUTES,
  ...REGISTRATION_ROUTES,
  ...REGISTRATION_TOKEN_ROUTES,
  ...EVENT_REPORT_ROUTES,
  ...REPORT_ROUTES,
  ...DESTINATION_ROUTES,
  ...STATISTICS_ROUTES,
  ...MEDIA_QUARANTINE_ROUTES,
  ...MEDIA_DELETION_ROUTES,
  ...MEDIA_ROUTES,
  ...ACCOUNT_RESTRICTION_ROUTES,
  ...BULK_ROUTES,
];
