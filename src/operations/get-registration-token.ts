import { z } from 'zod';
import { findRegistrationToken, type RegistrationToken } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';
import { noSuchToken } from './registration-token-input.ts';

/** One registration token. */
export const getRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'read',
  // Not the form of new ones: Dendrite has made others.
  input: z.object({ token: z.string() }),
  run: async ({ db }, { token }): Promise<RegistrationToken> => {
    const found = await findRegistrationToken(db, token);
    if (found === undefined) throw noSuchToken(token);
    return found;
  },
});
