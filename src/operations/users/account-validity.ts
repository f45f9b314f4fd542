import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Refuses to extend the validity of an account, because accounts do not expire in Dendrite.
 * Synapse: `POST /_synapse/admin/v1/account_validity/validity`.
 */
export const renewAccount = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** When the account would expire, in ms since the epoch. */
    expirationTs: z.int().optional(),
    /** Whether the user would get e-mails before that. */
    enableRenewalEmails: z.boolean().optional(),
  }),
  target: ({ userId }) => userId,
  run: async (): Promise<never> => {
    throw new MatrixError('M_BAD_STATE', 'Account validity is not enabled: accounts do not expire here');
  },
});
