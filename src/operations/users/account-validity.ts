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
    /** New time of expiry in Synapse, in ms since the epoch. Ignored here. */
    expirationTs: z.int().optional(),
    /** Whether Synapse sends e-mails before the expiry. Ignored here. */
    enableRenewalEmails: z.boolean().optional(),
  }),
  target: ({ userId }) => userId,
  run: async (): Promise<never> => {
    throw new MatrixError('M_BAD_STATE', 'Account validity is not enabled: accounts do not expire here');
  },
});
