import { getAccountData } from './account-data.ts';
import { renewAccount } from './account-validity.ts';
import { deactivateUser } from './deactivate-user.ts';
import { deleteDevices, getDevice, listDevices, setDeviceName } from './devices.ts';
import { evacuateUser } from './evacuate-user.ts';
import { getExperimentalFeatures, setExperimentalFeatures } from './experimental-features.ts';
import { checkUsernameAvailable, findUserByExternalId, findUserByThreepid, searchUsers } from './find-users.ts';
import { getUser } from './get-user.ts';
import { allowCrossSigningReplacement } from './key-replacement.ts';
import { listUsers } from './list-users.ts';
import { listJoinedRooms, listMemberships } from './memberships.ts';
import { listPushers } from './pushers.ts';
import { deleteUserRateLimit, getUserRateLimit, setUserRateLimit } from './rate-limits.ts';
import { refreshDevices } from './refresh-devices.ts';
import { resetPassword } from './reset-password.ts';
import { setUser } from './set-user.ts';
import { getUserAdmin, setUserAdmin } from './user-admin.ts';
import { countJoinedRooms, countSentInvites } from './user-counts.ts';
import { whois } from './whois.ts';

export const USER_OPERATIONS = {
  evacuateUser,
  refreshDevices,
  resetPassword,
  whois,
  listDevices,
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
};
