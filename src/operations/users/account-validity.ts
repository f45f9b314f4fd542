import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Always fails, because accounts do not expire in Dendrite. Synapse's route is `POST
 * /_synapse/admin/v1/account_validity/validity`. In Synapse, this route sets a later time at which the account expires.
 * @throws MatrixError `M_BAD_STATE` always
 */
export const renewAccount = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** In Synapse, the new time of expiry, in ms since the epoch. Ignored here. */
    expirationTs: z.int().optional(),
    /** In Synapse, whether the user gets e-mails before the expiry. Ignored here. */
    enableRenewalEmails: z.boolean().optional(),
  }),
  target: ({ userId }) => userId,
  run: async (): Promise<never> => {
    throw new MatrixError('M_BAD_STATE', 'Account validity is not enabled: accounts do not expire here');
  },
});
