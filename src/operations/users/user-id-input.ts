import { z } from 'zod';
import { isUserId, type UserId } from '../../ids.ts';

/** A user id, as an operation takes it. Callers may pass any string: the schema checks it. */
export const userIdInput: z.ZodType<UserId, string> = z.custom<UserId>(
  (value) => typeof value === 'string' && isUserId(value),
  'not a user id',
);
