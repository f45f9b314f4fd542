import { randomBytes } from 'node:crypto';

/** 12 characters of base64. */
const BYTES = 9;
const AT_ONCE = 256;

/** Makes request ids. Random bytes are fetched in blocks, because each fetch costs more than its bytes. */
export function createRequestIds(): () => string {
  let unused: Buffer = Buffer.alloc(0);
  return () => {
    if (unused.length === 0) unused = randomBytes(BYTES * AT_ONCE);
    const bytes = unused.subarray(0, BYTES);
    unused = unused.subarray(BYTES);
    return bytes.toString('base64url');
  };
}
