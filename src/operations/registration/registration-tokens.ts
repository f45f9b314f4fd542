import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { MatrixError, ParameterError } from '../../errors.ts';
import {
  changeRegistrationToken,
  findRegistrationToken,
  insertRegistrationToken,
  isRegistrationTokenValid,
  type RegistrationToken,
  readRegistrationTokens,
  removeRegistrationToken,
} from '../../storage/userapi/registration-tokens.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** The form of a new token. Source: Client-Server API, "Token-authenticated registration". */
const TOKEN = /^[A-Za-z0-9._~-]{1,64}$/;

const tokenInput = z.string().regex(TOKEN, 'must have 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"');

const count = z.int().min(0, 'must be a non-negative integer or null').nullable();

const limitsInput = {
  /** Maximum number of accounts that can be created with the token. `null` means no maximum. */
  usesAllowed: count.optional(),
  /** When the token expires, in ms since the epoch. `null` means never. */
  expiryTime: count.optional(),
};

/** Refuses a time in the past. @throws ParameterError */
function refusePast(expiryTime: number | null | undefined): void {
  if (typeof expiryTime === 'number' && expiryTime < Date.now()) {
    throw new ParameterError(['expiryTime'], 'must not be in the past');
  }
}

function noSuchToken(token: string): MatrixError {
  return new MatrixError('M_NOT_FOUND', `token: ${token} not found`);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Creates a registration token. The token is random unless the input has one. Without `usesAllowed` or `expiryTime`, it has no
 * such limit.
 * @throws MatrixError `M_FORBIDDEN` if `onlyIfRequired` is set and people need no token to register
 * @throws MatrixError 409 `M_INVALID_PARAM` if the token already exists
 */
export const createRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The token. @defaultValue a random token */
    token: tokenInput.optional(),
    ...limitsInput,
    /** Length of a random token. @defaultValue 16 */
    length: z.int().min(1).max(64).default(16),
    /**
     * Whether to fail if people need no token to register on this homeserver. Dendrite always fails then. @defaultValue false
     */
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
      usesAllowed: usesAllowed ?? null,
      expiryTime: expiryTime ?? null,
    });
    if (created === undefined) {
      throw new MatrixError('M_INVALID_PARAM', `token: ${name} already exists`, { status: 409 });
    }
    return created;
  },
});

/** Lists registration tokens: all tokens, only tokens that can be used now, or only tokens that cannot be used now. */
export const listRegistrationTokens = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /**
     * `true` lists only tokens that can be used now. `false` lists only tokens that cannot be used now. @defaultValue all
     * tokens
     */
    valid: z.boolean().optional(),
  }),
  run: ({ db }, { valid }): Promise<RegistrationToken[]> => readRegistrationTokens(db, valid),
});

/**
 * Shows one registration token.
 * @throws MatrixError `M_NOT_FOUND` if there is no such token
 */
export const getRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'read',
  // The input accepts a token of any form, because Dendrite may have created tokens of other forms.
  input: inputObject({
    /** The token. */
    token: z.string(),
  }),
  run: async ({ db }, { token }): Promise<RegistrationToken> => {
    const found = await findRegistrationToken(db, token);
    if (found === undefined) throw noSuchToken(token);
    return found;
  },
});

/**
 * Changes the limits of a registration token. A limit that the input does not contain stays as it is.
 * @throws MatrixError `M_NOT_FOUND` if there is no such token
 */
export const updateRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The token. */
    token: z.string(),
    ...limitsInput,
  }),
  run: async ({ transaction }, { token, usesAllowed, expiryTime }): Promise<RegistrationToken> => {
    refusePast(expiryTime);
    const limits = {
      ...(usesAllowed !== undefined && { usesAllowed }),
      ...(expiryTime !== undefined && { expiryTime }),
    };
    const updated = await changeRegistrationToken(transaction, token, limits);
    if (updated === undefined) throw noSuchToken(token);
    return updated;
  },
});

/**
 * Deletes a registration token.
 * @throws MatrixError `M_NOT_FOUND` if there is no such token
 */
export const deleteRegistrationToken = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The token. */
    token: z.string(),
  }),
  run: async ({ transaction }, { token }): Promise<void> => {
    if (!(await removeRegistrationToken(transaction, token))) throw noSuchToken(token);
  },
});

/** Tells whether a registration token can be used now. Source: Client-Server API, "Token-authenticated registration". */
export const checkRegistrationToken = defineOperation({
  access: 'open',
  effect: 'read',
  input: inputObject({
    /** The token. */
    token: z.string(),
  }),
  run: async ({ db }, { token }): Promise<{ valid: boolean }> => ({
    valid: await isRegistrationTokenValid(db, token),
  }),
});
