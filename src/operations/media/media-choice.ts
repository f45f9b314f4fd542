import { z } from 'zod';
import type { OperationServices } from '../define-operation.ts';
import { DELETABLE, type Deletable } from './delete-room-media.ts';
import { requireFileRemoval } from './deleted-media.ts';

/**
 * What an operation that removes a room or a user does with the media of that room or user. `unused` and `all` delete media.
 */
export type MediaChoice = 'keep' | Deletable;

/** Input field for the choice. */
export const mediaChoiceInput = z.enum(['keep', ...DELETABLE]).default('keep');

/** Checks that the host can delete media, unless the choice is to keep them. @throws MatrixError `M_BAD_STATE` if it cannot */
export function requireChoice(services: Pick<OperationServices, 'fileRemoval'>, choice: MediaChoice): void {
  if (choice !== 'keep') requireFileRemoval(services);
}
