import type { z } from 'zod';
import { blockRoom } from './block-room.ts';
import { cancelJob } from './cancel-job.ts';
import { checkRegistrationToken } from './check-registration-token.ts';
import { createRegistrationToken } from './create-registration-token.ts';
import { deactivateUser } from './deactivate-user.ts';
import type { Operation } from './define-operation.ts';
import { deleteDevices } from './delete-devices.ts';
import { deleteEventReport } from './delete-event-report.ts';
import { deleteRegistrationToken } from './delete-registration-token.ts';
import { deleteRoom } from './delete-room.ts';
import { downloadState } from './download-state.ts';
import { emptyRooms } from './empty-rooms.ts';
import { evacuateRoom } from './evacuate-room.ts';
import { evacuateUser } from './evacuate-user.ts';
import { getBlockedRoom } from './get-blocked-room.ts';
import { getDevice } from './get-device.ts';
import { getEventContext } from './get-event-context.ts';
import { getEventReport } from './get-event-report.ts';
import { getJob } from './get-job.ts';
import { getRegistrationNonce } from './get-registration-nonce.ts';
import { getRegistrationToken } from './get-registration-token.ts';
import { getRoom } from './get-room.ts';
import { getRoomBlocked } from './get-room-blocked.ts';
import { getRoomDeletion } from './get-room-deletion.ts';
import { getRoomState } from './get-room-state.ts';
import { getUser } from './get-user.ts';
import { getUserAdmin } from './get-user-admin.ts';
import { getUserLocked } from './get-user-locked.ts';
import { getUserSuspended } from './get-user-suspended.ts';
import { listAudit } from './list-audit.ts';
import { listBlockedRooms } from './list-blocked-rooms.ts';
import { listDevices } from './list-devices.ts';
import { listEventReports } from './list-event-reports.ts';
import { listJobs } from './list-jobs.ts';
import { listJoinedRooms } from './list-joined-rooms.ts';
import { listMemberships } from './list-memberships.ts';
import { listRegistrationTokens } from './list-registration-tokens.ts';
import { listRoomDeletions } from './list-room-deletions.ts';
import { listRoomMembers } from './list-room-members.ts';
import { listRooms } from './list-rooms.ts';
import { listUsers } from './list-users.ts';
import { purgeRoom } from './purge-room.ts';
import { refreshDevices } from './refresh-devices.ts';
import { registerBySharedSecret } from './register-by-shared-secret.ts';
import { reindexFulltext } from './reindex-fulltext.ts';
import { reportEvent } from './report-event.ts';
import { resetPassword } from './reset-password.ts';
import { roomInfo } from './room-info.ts';
import { sendServerNotice } from './send-server-notice.ts';
import { sendServerNotices } from './send-server-notices.ts';
import { serverVersion } from './server-version.ts';
import { setDeviceName } from './set-device-name.ts';
import { setEventReportStatus } from './set-event-report-status.ts';
import { setRoomBlocked } from './set-room-blocked.ts';
import { setUser } from './set-user.ts';
import { setUserAdmin } from './set-user-admin.ts';
import { setUserLocked } from './set-user-locked.ts';
import { setUserSuspended } from './set-user-suspended.ts';
import { unblockRoom } from './unblock-room.ts';
import { updateRegistrationToken } from './update-registration-token.ts';
import { whois } from './whois.ts';

/** Every operation by its name, which is also that of its hooks, audit entries and metrics. */
export const OPERATIONS = {
  evacuateRoom,
  evacuateUser,
  downloadState,
  refreshDevices,
  sendServerNotice,
  sendServerNotices,
  resetPassword,
  getRegistrationNonce,
  registerBySharedSecret,
  whois,
  listDevices,
  getDevice,
  setDeviceName,
  deleteDevices,
  reportEvent,
  listEventReports,
  getEventReport,
  setEventReportStatus,
  deleteEventReport,
  createRegistrationToken,
  listRegistrationTokens,
  getRegistrationToken,
  updateRegistrationToken,
  deleteRegistrationToken,
  checkRegistrationToken,
  listUsers,
  getUser,
  setUser,
  getUserAdmin,
  setUserAdmin,
  deactivateUser,
  getUserSuspended,
  setUserSuspended,
  getUserLocked,
  setUserLocked,
  reindexFulltext,
  listJobs,
  getJob,
  cancelJob,
  listAudit,
  emptyRooms,
  roomInfo,
  purgeRoom,
  deleteRoom,
  getRoomDeletion,
  listRoomDeletions,
  listBlockedRooms,
  getBlockedRoom,
  blockRoom,
  unblockRoom,
  serverVersion,
  listRooms,
  getRoom,
  listRoomMembers,
  getRoomState,
  getEventContext,
  getRoomBlocked,
  setRoomBlocked,
  listJoinedRooms,
  listMemberships,
};

export type OperationName = keyof typeof OPERATIONS;
type Definition<Name extends OperationName> = (typeof OPERATIONS)[Name];
/** What a caller passes. */
export type OperationInput<Name extends OperationName> = z.input<Definition<Name>['input']>;
/** What hooks see: validated, defaults filled in. */
export type ValidInput<Name extends OperationName> = z.output<Definition<Name>['input']>;
export type OperationOutput<Name extends OperationName> = Awaited<ReturnType<Definition<Name>['run']>>;

/** An operation by its name, where it does not matter which. */
export function operationNamed(name: OperationName): Operation {
  return OPERATIONS[name];
}

/** Names of the operations that are done by jobs. */
export type JobOperationName = {
  [Name in OperationName]: Definition<Name>['effect'] extends 'job' ? Name : never;
}[OperationName];

/** Whether an operation is done by a job. */
export const isDoneByJob = (name: OperationName): name is JobOperationName => operationNamed(name).effect === 'job';

/** Operations that are done by jobs of their name. */
export const JOB_OPERATIONS: readonly JobOperationName[] = (Object.keys(OPERATIONS) as OperationName[]).filter(
  isDoneByJob,
);
