import type { Db } from '../storage/database.ts';
import { releaseRegistrationToken, reserveRegistrationToken } from '../storage/userapi/registration-tokens.ts';

/** `admin.registrationTokens`: the homeserver's registration reports uses of tokens here. They show in `pending` and `completed`. */
export interface RegistrationTokens {
  /**
   * Reserves one use of a token when a registration begins. A token is never used more often than it allows, even across
   * processes.
   * @returns whether the token can be used
   */
  readonly use: (token: string) => Promise<boolean>;
  /** Ends a use. If the registration was completed, the use counts. If it was given up, the use is free again. */
  readonly release: (token: string, outcome: 'completed' | 'abandoned') => Promise<void>;
}

export function createRegistrationTokens(db: Db): RegistrationTokens {
  return {
    use: (token) => reserveRegistrationToken(db, token),
    release: (token, outcome) => releaseRegistrationToken(db, token, outcome === 'completed'),
  };
}
