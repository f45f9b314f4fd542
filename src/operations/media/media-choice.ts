import { z } from 'zod';
import type { OperationServices } from '../define-operation.ts';
import { DELETABLE, type Deletable } from './delete-room-media.ts';
import { requireFileRemoval } from './deleted-media.ts';

/**
 * What an operation does with the media of a room that it purges, or of a user whom it deactivates. `keep`: all media stay.
 * `unused`: the operation deletes those media to which nothing outside of the room refers, or nothing except the user's
 * profile. `all`: the operation deletes all these media.
 */
export type MediaChoice = 'keep' | Deletable;

/** Input field for a `MediaChoice`. */
export const mediaChoiceInput = z.enum(['keep', ...DELETABLE]).default('keep');

/**
 * Checks that media files can be deleted, unless the choice is `keep`.
 * @throws MatrixError `M_BAD_STATE` if the host provides no store of media files
 */
export function requireChoice(services: Pick<OperationServices, 'fileRemoval'>, choice: MediaChoice): void {
  if (choice !== 'keep') requireFileRemoval(services);
}
