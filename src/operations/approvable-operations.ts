import type { OperationName } from './operations.ts';

/**
 * Operations that may wait for the approval of a second administrator. He must see the whole input, so none of its parameters
 * is a secret or the text of a message. `deleteRoom` has such a text, but always includes `purgeRoom` or `evacuateRoom`.
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
