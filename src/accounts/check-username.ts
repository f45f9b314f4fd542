import { MatrixError } from '../errors.ts';
import type { Appservice } from '../host.ts';
import { type ServerName, type UserId, userIdOf } from '../ids.ts';

const MAX_USER_ID_BYTES = 254;

const invalid = (text: string): MatrixError => new MatrixError('M_INVALID_USERNAME', text);

/** Who has names that nobody can register. */
interface NameOwners {
  readonly appservices: readonly Appservice[];
  /** `undefined`: there are none. */
  readonly serverNotices: { readonly localpart: string } | undefined;
}

/**
 * The user id of a name that somebody wants to register. Dendrite's rules and texts, and some more: names of digits are
 * those of guests, application services own names, and so do server notices.
 * @throws MatrixError `M_BAD_JSON`, `M_INVALID_USERNAME`, `M_EXCLUSIVE`
 */
export function checkUsername(
  username: string,
  serverName: ServerName,
  { appservices, serverNotices }: NameOwners,
): UserId {
  const localpart = username.toLowerCase();
  const userId = userIdOf(localpart, serverName);
  if (Buffer.byteLength(userId) > MAX_USER_ID_BYTES) {
    throw new MatrixError('M_BAD_JSON', `username exceeds the maximum length of ${MAX_USER_ID_BYTES} characters`);
  }
  if (!/^[0-9a-z_\-+=./]+$/.test(localpart)) {
    throw invalid("username can only contain characters a-z, 0-9, or '_+-./='");
  }
  if (localpart.startsWith('_')) throw invalid("username cannot start with a '_'");
  if (/^\d+$/.test(localpart)) throw invalid('usernames of digits are reserved for guests');
  if (localpart === serverNotices?.localpart)
    throw new MatrixError('M_EXCLUSIVE', 'The username is that of server notices');
  if (appservices.some(({ userNamespaces }) => userNamespaces.some((namespace) => userId.search(namespace) >= 0))) {
    throw new MatrixError('M_EXCLUSIVE', 'The username belongs to an application service');
  }
  return userId;
}
