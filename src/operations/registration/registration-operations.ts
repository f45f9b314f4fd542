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

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
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
