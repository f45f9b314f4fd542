import { MatrixError } from '../errors.ts';

const MIN_BYTES = 8;
const MAX_BYTES = 512;
/** bcrypt ignores all bytes of a password after this number of bytes. */
const BCRYPT_BYTES = 72;

/**
 * Checks a new password. The rules and the error texts are Dendrite's. Lengths are in bytes, although the texts say characters.
 * One rule is not Dendrite's: a password must not be so long that bcrypt would ignore its end.
 * @throws MatrixError `M_MISSING_PARAM` if the password is empty, `M_WEAK_PASSWORD` if it has less than 8 bytes, `M_BAD_JSON`
 * if it has more than 512 bytes, `M_INVALID_PARAM` if it has 73 to 512 bytes
 */
export function checkPassword(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (bytes === 0) throw new MatrixError('M_MISSING_PARAM', 'Expecting non-empty password.');
  if (bytes < MIN_BYTES) {
    throw new MatrixError('M_WEAK_PASSWORD', `password too weak: min ${MIN_BYTES} characters`);
  }
  if (bytes > MAX_BYTES) throw new MatrixError('M_BAD_JSON', `password too long: max ${MAX_BYTES} characters`);
  if (bytes > BCRYPT_BYTES) {
    throw new MatrixError('M_INVALID_PARAM', `password too long: its hash covers ${BCRYPT_BYTES} bytes at most`);
  }
}
