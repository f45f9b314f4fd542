import type { OperationName } from './operations.ts';

/**
 * Operations that a before-hook may make wait for a second administrator. The second administrator sees the whole input, so
 * the list has no operation whose input may hold a secret or the text of a message. `deleteRoom` takes such a text and is not
 * listed, but it includes `purgeRoom` or `evacuateRoom`, whose hooks can require an approval.
 */
export const APPROVABLE_OPERATIONS = [
  'allowCrossSigningReplacement',
  'blockRoom',
  'cancelJob',
  'createDevice',
  'deactivateUser',
  'deleteDevices',
  'deleteEventReport',
  'deleteUserRateLimit',
  'downloadState',
  'evacuateRoom',
  'evacuateUser',
  'loginAsUser',
  'purgeRoom',
  'refreshDevices',
  'reindexFulltext',
  'setDeviceName',
  'setEventReportStatus',
  'setExperimentalFeatures',
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
