import { type FixtureHomeserver, startFixtureHomeserver } from '../reference-host/fixture-homeserver.ts';

/** The secret for registering accounts. */
export const SHARED_SECRET = 'a secret of the homeserver';

/** A homeserver with the recorded data that registers users and sends notices. */
export function startClientHomeserver(): Promise<FixtureHomeserver> {
  return startFixtureHomeserver({
    accounts: { registration: { sharedSecret: SHARED_SECRET, requiresToken: true }, serverNotices: {} },
  });
}
