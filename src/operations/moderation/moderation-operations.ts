import type { OperationsIn } from '../define-operation.ts';
import {
  getUserLocked,
  getUserSuspended,
  setUserLocked,
  setUserShadowBanned,
  setUserSuspended,
} from './account-restrictions.ts';
import {
  blockRoom,
  getBlockedRoom,
  getRoomBlocked,
  listBlockedRooms,
  setRoomBlocked,
  unblockRoom,
} from './blocked-rooms.ts';
import { deleteEventReport, getEventReport, listEventReports, setEventReportStatus } from './event-reports.ts';
import { getModeratedRoom, getRoomDeletionStatus } from './moderated-rooms.ts';
import { reportEvent } from './report-event.ts';
import { reportRoom } from './report-room.ts';
import { reportUser } from './report-user.ts';
import {
  deleteRoomReport,
  deleteUserReport,
  getRoomReport,
  getUserReport,
  listRoomReports,
  listUserReports,
  setRoomReportStatus,
  setUserReportStatus,
} from './reports.ts';

/** The moderation operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
export type ModerationOperations = OperationsIn<
  typeof import('./account-restrictions.ts') &
    typeof import('./blocked-rooms.ts') &
    typeof import('./event-reports.ts') &
    typeof import('./moderated-rooms.ts') &
    typeof import('./report-event.ts') &
    typeof import('./report-room.ts') &
    typeof import('./report-user.ts') &
    typeof import('./reports.ts')
>;

export const MODERATION_OPERATIONS: ModerationOperations = {
  reportEvent,
  listEventReports,
  getEventReport,
  setEventReportStatus,
  deleteEventReport,
  reportUser,
  listUserReports,
  getUserReport,
  setUserReportStatus,
  deleteUserReport,
  reportRoom,
  listRoomReports,
  getRoomReport,
  setRoomReportStatus,
  deleteRoomReport,
  getUserSuspended,
  setUserSuspended,
  getUserLocked,
  setUserLocked,
  setUserShadowBanned,
  listBlockedRooms,
  getBlockedRoom,
  blockRoom,
  unblockRoom,
  getRoomBlocked,
  setRoomBlocked,
  getModeratedRoom,
  getRoomDeletionStatus,
};
