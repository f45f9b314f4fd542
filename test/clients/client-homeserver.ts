import { type FixtureHomeserver, startFixtureHomeserver } from '../reference-host/fixture-homeserver.ts';

/** The shared secret with which tests register accounts. */
export const SHARED_SECRET = 'a secret of the homeserver';

/** Starts a homeserver that has the recorded data, registers users and sends notices. */
export function startClientHomeserver(): Promise<FixtureHomeserver> {
  return startFixtureHomeserver({
    accounts: {
      registration: { sharedSecret: SHARED_SECRET, requiresToken: true },
      serverNotices: {},
      accounts: { allowLoginAs: true },
    },
  });
}
