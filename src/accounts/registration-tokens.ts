import type { Db } from '../storage/database.ts';
import { releaseRegistrationToken, reserveRegistrationToken } from '../storage/userapi/registration-tokens.ts';

/**
 * `admin.registrationTokens`: the homeserver calls this when a registration uses a token. The uses appear in `pending` and
 * `completed`.
 */
export interface RegistrationTokens {
  /**
   * Reserves one use of a token when a registration begins. The number of uses never exceeds the token's limit, even across
   * processes.
   * @returns whether the token can be used
   */
  readonly use: (token: string) => Promise<boolean>;
  /** Ends a use. A completed registration counts as a use. An abandoned registration frees the use. */
  readonly release: (token: string, outcome: 'completed' | 'abandoned') => Promise<void>;
}

export function createRegistrationTokens(db: Db): RegistrationTokens {
  return {
    use: (token) => reserveRegistrationToken(db, token),
    release: (token, outcome) => releaseRegistrationToken(db, token, outcome === 'completed'),
  };
}
