import type { OperationsIn } from '../define-operation.ts';
import { getAccountData } from './account-data.ts';
import { renewAccount } from './account-validity.ts';
import { deactivateUser } from './deactivate-user.ts';
import { createDevice, deleteDevices, getDevice, listDevices, setDeviceName } from './devices.ts';
import { evacuateUser } from './evacuate-user.ts';
import { getExperimentalFeatures, setExperimentalFeatures } from './experimental-features.ts';
import { exportUser, readUserExport } from './export-user.ts';
import { checkUsernameAvailable, findUserByExternalId, findUserByThreepid, searchUsers } from './find-users.ts';
import { getUser } from './get-user.ts';
import { allowCrossSigningReplacement } from './key-replacement.ts';
import { listUsers } from './list-users.ts';
import { loginAsUser } from './login-as-user.ts';
import { listJoinedRooms, listMemberships } from './memberships.ts';
import { listPushers } from './pushers.ts';
import { deleteUserRateLimit, getUserRateLimit, setUserRateLimit } from './rate-limits.ts';
import { redactUserEvents } from './redact-user-events.ts';
import { refreshDevices } from './refresh-devices.ts';
import { resetPassword } from './reset-password.ts';
import { setUser } from './set-user.ts';
import { getUserAdmin, setUserAdmin } from './user-admin.ts';
import { countJoinedRooms, countSentInvites } from './user-counts.ts';
import { getUserRedaction } from './user-redactions.ts';
import { whois } from './whois.ts';

/**
 * The user operations, by name. The type is derived from the files that define the operations, so that editors show the doc
 * comment of each operation.
 */
export type UserOperations = OperationsIn<
  typeof import('./account-data.ts') &
    typeof import('./account-validity.ts') &
    typeof import('./deactivate-user.ts') &
    typeof import('./devices.ts') &
    typeof import('./evacuate-user.ts') &
    typeof import('./experimental-features.ts') &
    typeof import('./export-user.ts') &
    typeof import('./find-users.ts') &
    typeof import('./get-user.ts') &
    typeof import('./key-replacement.ts') &
    typeof import('./list-users.ts') &
    typeof import('./login-as-user.ts') &
    typeof import('./memberships.ts') &
    typeof import('./pushers.ts') &
    typeof import('./rate-limits.ts') &
    typeof import('./redact-user-events.ts') &
    typeof import('./refresh-devices.ts') &
    typeof import('./reset-password.ts') &
    typeof import('./set-user.ts') &
    typeof import('./user-admin.ts') &
    typeof import('./user-counts.ts') &
    typeof import('./user-redactions.ts') &
    typeof import('./whois.ts')
>;

export const USER_OPERATIONS: UserOperations = {
  evacuateUser,
  refreshDevices,
  resetPassword,
  whois,
  listDevices,
  createDevice,
  getDevice,
  setDeviceName,
  deleteDevices,
  listUsers,
  getUser,
  setUser,
  getUserAdmin,
  setUserAdmin,
  deactivateUser,
  listJoinedRooms,
  listMemberships,
  listPushers,
  getAccountData,
  countSentInvites,
  countJoinedRooms,
  checkUsernameAvailable,
  findUserByThreepid,
  findUserByExternalId,
  searchUsers,
  renewAccount,
  getUserRateLimit,
  setUserRateLimit,
  deleteUserRateLimit,
  getExperimentalFeatures,
  setExperimentalFeatures,
  allowCrossSigningReplacement,
  loginAsUser,
  redactUserEvents,
  getUserRedaction,
  exportUser,
  readUserExport,
};
