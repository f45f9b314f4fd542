import { z } from 'zod';
import { isRegistrationTokenValid } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';

/** Whether a registration token can be used now. Client-Server API, "Token-authenticated registration". */
export const checkRegistrationToken = defineOperation({
  access: 'open',
  effect: 'read',
  input: z.object({ token: z.string() }),
  run: async ({ db }, { token }): Promise<{ valid: boolean }> => ({
    valid: await isRegistrationTokenValid(db, token),
  }),
});
