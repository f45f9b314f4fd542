import { z } from 'zod';
import { deleteRegistrationToken as remove } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';
import { noSuchToken } from './registration-token-input.ts';

/** Deletes a registration token. */
export const deleteRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ token: z.string() }),
  run: async ({ transaction }, { token }): Promise<void> => {
    if (!(await remove(transaction, token))) throw noSuchToken(token);
  },
});
