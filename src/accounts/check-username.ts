import { MatrixError } from '../errors.ts';
import type { Appservice } from '../host.ts';
import { type ServerName, type UserId, userIdOf } from '../ids.ts';

const MAX_USER_ID_BYTES = 254;

const invalid = (text: string): MatrixError => new MatrixError('M_INVALID_USERNAME', text);

/** The owners of usernames that nobody else can register: application services, and the account that sends server notices. */
interface NameOwners {
  readonly appservices: readonly Appservice[];
  /** The account that sends server notices. `undefined` if server notices are off. */
  readonly serverNotices: { readonly localpart: string } | undefined;
}

/**
 * Checks a username for a registration, and returns its user id, in which the username is in lower case. The rules and the
 * error texts are Dendrite's. Two rules are not Dendrite's: nobody can register a username that consists of digits, because
 * guests have such usernames, or a username that belongs to one of the `NameOwners`. Does not check whether the username is
 * taken.
 * @throws MatrixError `M_BAD_JSON` if the username is too long, `M_INVALID_USERNAME` if it has a character that is not allowed,
 * starts with `_` or consists of digits, `M_EXCLUSIVE` if it belongs to one of the `NameOwners`
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
    throw new MatrixError('M_EXCLUSIVE', 'The username belongs to the account that sends server notices');
  if (appservices.some(({ userNamespaces }) => userNamespaces.some((namespace) => userId.search(namespace) >= 0))) {
    throw new MatrixError('M_EXCLUSIVE', 'The username belongs to an application service');
  }
  return userId;
}
