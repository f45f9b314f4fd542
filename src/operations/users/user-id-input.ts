import { z } from 'zod';
import { isUserId, type UserId } from '../../ids.ts';

/** Input field for a user id. Its input type is `string`, so that callers need no cast. */
export const userIdInput: z.ZodType<UserId, string> = z.custom<UserId>(
  (value) => typeof value === 'string' && isUserId(value),
  'not a user id',
);
