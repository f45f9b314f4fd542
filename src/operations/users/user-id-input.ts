import { z } from 'zod';
import { isUserId, type UserId } from '../../ids.ts';

/** A user id, as an operation takes it. */
export const userIdInput = z.custom<UserId>((value) => typeof value === 'string' && isUserId(value), 'not a user id');
