import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { insertRegistrationToken, type RegistrationToken } from '../storage/userapi/registration-tokens.ts';
import { defineOperation } from './define-operation.ts';
import { limitsInput, refusePast, tokenInput } from './registration-token-input.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Makes a registration token, of a random name if none is given. */
export const createRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({
    token: tokenInput.optional(),
    ...limitsInput,
    /** Of a random name. */
    length: z.int().min(1).max(64).default(16),
    /** Refuses if the homeserver asks for no tokens, as Dendrite does. */
    onlyIfRequired: z.boolean().default(false),
  }),
  run: async (scope, { token, usesAllowed, expiryTime, length, onlyIfRequired }): Promise<RegistrationToken> => {
    if (onlyIfRequired && !scope.requiresToken) {
      throw new MatrixError('M_FORBIDDEN', 'Registration via tokens is not enabled on this homeserver');
    }
    refusePast(expiryTime);
    const name = token ?? Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    const created = await insertRegistrationToken(scope.transaction, {
      token: name,
      uses_allowed: usesAllowed ?? null,
      expiry_time: expiryTime ?? null,
    });
    if (created === undefined) {
      throw new MatrixError('M_INVALID_PARAM', `token: ${name} already exists`, { status: 409 });
    }
    return created;
  },
});
