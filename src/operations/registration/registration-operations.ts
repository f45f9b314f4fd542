import type { OperationsIn } from '../define-operation.ts';
import { getRegistrationNonce, registerBySharedSecret } from './register-by-shared-secret.ts';
import {
  checkRegistrationToken,
  createRegistrationToken,
  deleteRegistrationToken,
  getRegistrationToken,
  listRegistrationTokens,
  updateRegistrationToken,
} from './registration-tokens.ts';

/**
 * The registration operations, by name. The type is derived from the files that define the operations, so that editors show the
 * doc comment of each operation.
 */
export type RegistrationOperations = OperationsIn<
  typeof import('./register-by-shared-secret.ts') & typeof import('./registration-tokens.ts')
>;

export const REGISTRATION_OPERATIONS: RegistrationOperations = {
  getRegistrationNonce,
  registerBySharedSecret,
  createRegistrationToken,
  listRegistrationTokens,
  getRegistrationToken,
  updateRegistrationToken,
  deleteRegistrationToken,
  checkRegistrationToken,
};
