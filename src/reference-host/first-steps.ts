import { ACCOUNT_TYPE, isAccount } from '../homeserver/index.ts';
import type { ServerName } from '../index.ts';
import { userIdOf } from '../matrix/index.ts';
import type { Homeserver } from './homeserver.ts';
import { findFirstAccount } from './storage/accounts.ts';

/** Localpart of the administrator whom the homeserver creates if the variable `ADMIN_PASSWORD` is set. */
const ADMIN = 'admin';

/** Creates the administrator `admin`, unless an account with this name exists. */
export async function createAdmin({ admin, db }: Homeserver, serverName: ServerName, password: string): Promise<void> {
  const userId = userIdOf(ADMIN, serverName);
  if (await isAccount(db, userId)) return;
  await admin.operations.setUser({ userId, password, admin: true }, { actor: { kind: 'system', name: 'first-steps' } });
}

/**
 * Returns a text that says how to get the access token of an administrator, and what to do with the token. If there is no
 * administrator, the text says how to create one. The text contains neither a token nor a password.
 */
export async function firstSteps({ db }: Homeserver, serverName: ServerName, origin: string): Promise<string> {
  const user = await findFirstAccount(db, serverName, ACCOUNT_TYPE.admin);
  if (user === undefined) {
    return `There is no administrator yet. Start with ADMIN_PASSWORD=<password> to create ${userIdOf(ADMIN, serverName)}.\n`;
  }
  const login = JSON.stringify({ type: 'm.login.password', user, password: '<password>' });
  return [
    `A token of ${userIdOf(user, serverName)}: curl -d '${login}' ${origin}/_matrix/client/v3/login`,
    `Log in to a console such as Ketesa with the homeserver ${origin}, or give the token to synadm.`,
    '',
  ].join('\n');
}
