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

/** The registration operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
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
