import { z } from 'zod';
import type { OperationServices } from '../define-operation.ts';
import { DELETABLE, type Deletable } from './delete-room-media.ts';
import { requireFileRemoval } from './deleted-media.ts';

/** What happens to the media of something that goes: a room or a user. */
export type MediaChoice = 'keep' | Deletable;

/** Input field for the choice. */
export const mediaChoiceInput = z.enum(['keep', ...DELETABLE]).default('keep');

/** Checks that media can be deleted, if they are to be. @throws MatrixError `M_BAD_STATE` */
export function requireChoice(services: Pick<OperationServices, 'fileRemoval'>, choice: MediaChoice): void {
  if (choice !== 'keep') requireFileRemoval(services);
}
