import { getRegistrationNonce, registerBySharedSecret } from './register-by-shared-secret.ts';
import {
  checkRegistrationToken,
  createRegistrationToken,
  deleteRegistrationToken,
  getRegistrationToken,
  listRegistrationTokens,
  updateRegistrationToken,
} from './registration-tokens.ts';

export const REGISTRATION_OPERATIONS = {
  getRegistrationNonce,
  registerBySharedSecret,
  createRegistrationToken,
  listRegistrationTokens,
  getRegistrationToken,
  updateRegistrationToken,
  deleteRegistrationToken,
  checkRegistrationToken,
};
