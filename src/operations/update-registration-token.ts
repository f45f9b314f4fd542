import { z } from 'zod';
import { type RegistrationToken, updateRegistrationToken as update } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';
import { limitsInput, noSuchToken, refusePast } from './registration-token-input.ts';

/** Changes the limits of a registration token; those that are not given stay. */
export const updateRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ token: z.string(), ...limitsInput }),
  run: async ({ transaction }, { token, usesAllowed, expiryTime }): Promise<RegistrationToken> => {
    refusePast(expiryTime);
    const limits = {
      ...(usesAllowed !== undefined && { uses_allowed: usesAllowed }),
      ...(expiryTime !== undefined && { expiry_time: expiryTime }),
    };
    const updated = await update(transaction, token, limits);
    if (updated === undefined) throw noSuchToken(token);
    return updated;
  },
});
