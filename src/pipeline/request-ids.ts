import { randomBytes } from 'node:crypto';

/** Length of a request id, in bytes. The id's base64url text has 12 characters. */
const BYTES = 9;
const AT_ONCE = 256;

/**
 * Creates a function that returns a new request id. The function fetches the random bytes for `AT_ONCE` ids in one call,
 * because each call is expensive.
 */
export function createRequestIds(): () => string {
  let unused: Buffer = Buffer.alloc(0);
  return () => {
    if (unused.length === 0) unused = randomBytes(BYTES * AT_ONCE);
    const bytes = unused.subarray(0, BYTES);
    unused = unused.subarray(BYTES);
    return bytes.toString('base64url');
  };
}
