import type { Db } from '../storage/database.ts';
import { releaseRegistrationToken, reserveRegistrationToken } from '../storage/userapi/registration-tokens.ts';

/**
 * `admin.registrationTokens` of the plugin. The homeserver calls these functions when somebody registers with a token. The
 * admin API shows how many registrations with a token have begun and not ended (`pending`), and how many are `completed`.
 */
export interface RegistrationTokens {
  /**
   * Reserves one use of a token. Call it when a registration begins. The number of uses never exceeds the token's limit, even
   * if several processes reserve uses at the same time.
   * @returns whether a use was reserved. `false` if the token does not exist, has expired or has reached its limit.
   */
  readonly use: (token: string) => Promise<boolean>;
  /**
   * Ends the use that `use()` has reserved. A completed registration counts as a use of the token. An abandoned registration
   * does not count.
   */
  readonly release: (token: string, outcome: 'completed' | 'abandoned') => Promise<void>;
}

export function createRegistrationTokens(db: Db): RegistrationTokens {
  return {
    use: (token) => reserveRegistrationToken(db, token),
    release: (token, outcome) => releaseRegistrationToken(db, token, outcome === 'completed'),
  };
}
