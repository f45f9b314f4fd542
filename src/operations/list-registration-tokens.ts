import { z } from 'zod';
import { listRegistrationTokens as list, type RegistrationToken } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';

/** All registration tokens, or those that can or can't be used now. */
export const listRegistrationTokens = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ valid: z.boolean().optional() }),
  run: ({ db }, { valid }): Promise<RegistrationToken[]> => list(db, valid),
});
