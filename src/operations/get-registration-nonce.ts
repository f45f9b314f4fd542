import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { insertNonce } from '../storage/plugin/registration-nonces.ts';
import { defineOperation } from './define-operation.ts';

const LIFETIME_MS = 60_000;
/** More nonces than this are nobody's who means well. */
const CAPACITY = 10_000;

/** A nonce for one registration by shared secret, good for a minute. */
export const getRegistrationNonce = defineOperation({
  access: 'open',
  effect: 'read',
  input: z.object({}),
  run: async ({ db }): Promise<{ nonce: string }> => {
    const nonce = randomBytes(32).toString('hex');
    if (await insertNonce(db, nonce, { lifetimeMs: LIFETIME_MS, capacity: CAPACITY })) return { nonce };
    throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many nonces are waiting to be used', {
      fields: { retry_after_ms: LIFETIME_MS },
    });
  },
});
