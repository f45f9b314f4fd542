import type { OperationsIn } from '../define-operation.ts';
import { checkMedia } from './check-media.ts';
import { deleteMedia, deleteOldMedia, deleteUserMedia, purgeMediaCache } from './delete-media.ts';
import { deleteRoomMedia } from './delete-room-media.ts';
import { getMedia } from './get-media.ts';
import { getMediaUses } from './get-media-uses.ts';
import { listUserMedia } from './list-user-media.ts';
import {
  listQuarantineChanges,
  quarantineRoomMedia,
  quarantineUserMedia,
  setMediaProtected,
  setMediaQuarantined,
} from './quarantine.ts';
import { listRoomMedia } from './room-media.ts';

/** The media operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
export type MediaOperations = OperationsIn<
  typeof import('./check-media.ts') &
    typeof import('./delete-media.ts') &
    typeof import('./delete-room-media.ts') &
    typeof import('./get-media.ts') &
    typeof import('./get-media-uses.ts') &
    typeof import('./list-user-media.ts') &
    typeof import('./quarantine.ts') &
    typeof import('./room-media.ts')
>;

export const MEDIA_OPERATIONS: MediaOperations = {
  getMedia,
  getMediaUses,
  listUserMedia,
  listRoomMedia,
  setMediaQuarantined,
  quarantineUserMedia,
  quarantineRoomMedia,
  setMediaProtected,
  listQuarantineChanges,
  deleteMedia,
  deleteUserMedia,
  deleteRoomMedia,
  deleteOldMedia,
  purgeMediaCache,
  checkMedia,
};
