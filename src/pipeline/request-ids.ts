import { randomBytes } from 'node:crypto';

/** Length of a request id, in bytes. Its base64 form has 12 characters. */
const BYTES = 9;
const AT_ONCE = 256;

/** Creates the source of request ids. Fetches random bytes for `AT_ONCE` ids at once, because each fetch is expensive. */
export function createRequestIds(): () => string {
  let unused: Buffer = Buffer.alloc(0);
  return () => {
    if (unused.length === 0) unused = randomBytes(BYTES * AT_ONCE);
    const bytes = unused.subarray(0, BYTES);
    unused = unused.subarray(BYTES);
    return bytes.toString('base64url');
  };
}
