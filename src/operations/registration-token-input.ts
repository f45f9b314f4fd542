import { z } from 'zod';
import { MatrixError, ParameterError } from '../errors.ts';

/** Client-Server API, "Token-authenticated registration": what a token may be made of. */
const TOKEN = /^[A-Za-z0-9._~-]{1,64}$/;

export const tokenInput = z
  .string()
  .regex(TOKEN, 'must have 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"');

const count = z.int().min(0, 'must be a non-negative integer or null').nullable();

/** `null` removes a limit. */
export const limitsInput = {
  usesAllowed: count.optional(),
  /** In ms since the epoch. */
  expiryTime: count.optional(),
};

/** @throws ParameterError */
export function refusePast(expiryTime: number | null | undefined): void {
  if (typeof expiryTime === 'number' && expiryTime < Date.now()) {
    throw new ParameterError(['expiryTime'], 'must not be in the past');
  }
}

export function noSuchToken(token: string): MatrixError {
  return new MatrixError('M_NOT_FOUND', `token: ${token} not found`);
}
