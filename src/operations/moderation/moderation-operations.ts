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

export const MODERATION_OPERATIONS = {
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
};
