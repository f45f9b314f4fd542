import type { OperationName } from './operations.ts';

/**
 * Operations for which a function of the host that runs before an operation (a before-hook) may demand the approval of a second
 * administrator. The second administrator sees the whole input, so the list has no operation whose input may contain a secret
 * or a message text. The list leaves out `deleteRoom`, which takes a message text. However, the hooks of `purgeRoom` or
 * `evacuateRoom` also run for `deleteRoom`, and can demand an approval.
 */
export const APPROVABLE_OPERATIONS = [
  'allowCrossSigningReplacement',
  'blockRoom',
  'cancelJob',
  'checkMedia',
  'createDevice',
  'deactivateUser',
  'deleteDevices',
  'deleteEventReport',
  'deleteMedia',
  'deleteOldMedia',
  'deleteRoomMedia',
  'deleteUserMedia',
  'deleteUserRateLimit',
  'downloadState',
  'evacuateRoom',
  'evacuateUser',
  'exportUser',
  'loginAsUser',
  'purgeHistory',
  'purgeMediaCache',
  'purgeRoom',
  'redactUserEvents',
  'quarantineRoomMedia',
  'quarantineUserMedia',
  'refreshDevices',
  'reindexFulltext',
  'setDeviceName',
  'setEventReportStatus',
  'setExperimentalFeatures',
  'setMediaProtected',
  'setMediaQuarantined',
  'setRoomBlocked',
  'setUserAdmin',
  'setUserLocked',
  'setUserShadowBanned',
  'setUserSuspended',
  'unblockRoom',
] as const satisfies readonly OperationName[];

export type ApprovableOperation = (typeof APPROVABLE_OPERATIONS)[number];

export function isApprovable(operation: string): boolean {
  return (APPROVABLE_OPERATIONS as readonly string[]).includes(operation);
}
