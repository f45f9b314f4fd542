import type { Db } from '../storage/database.ts';
import { releaseRegistrationToken, reserveRegistrationToken } from '../storage/userapi/registration-tokens.ts';

/** `admin.registrationTokens`: for the homeserver's registration, so that `pending` and `completed` mean something. */
export interface RegistrationTokens {
  /**
   * Reserves one use of a token, when a registration with it begins. Also over several processes a token is never used more
   * often than it allows.
   * @returns whether the token can be used
   */
  readonly use: (token: string) => Promise<boolean>;
  /** Ends a use: the registration was completed, or given up and the use is free again. */
  readonly release: (token: string, outcome: 'completed' | 'abandoned') => Promise<void>;
}

export function createRegistrationTokens(db: Db): RegistrationTokens {
  return {
    use: (token) => reserveRegistrationToken(db, token),
    release: (token, outcome) => releaseRegistrationToken(db, token, outcome === 'completed'),
  };
}
