import { getUserLocked, getUserSuspended, setUserLocked, setUserSuspended } from './account-restrictions.ts';
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

export const MODERATION_OPERATIONS = {
  getUserLocked,
  getUserSuspended,
  setUserLocked,
  setUserSuspended,
  blockRoom,
  getBlockedRoom,
  getRoomBlocked,
  listBlockedRooms,
  setRoomBlocked,
  unblockRoom,
  deleteEventReport,
  getEventReport,
  listEventReports,
  setEventReportStatus,
  reportEvent,
};
