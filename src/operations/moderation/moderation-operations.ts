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
  reportEvent,
  listEventReports,
  getEventReport,
  setEventReportStatus,
  deleteEventReport,
  getUserSuspended,
  setUserSuspended,
  getUserLocked,
  setUserLocked,
  listBlockedRooms,
  getBlockedRoom,
  blockRoom,
  unblockRoom,
  getRoomBlocked,
  setRoomBlocked,
};
